//! What a checkpoint belongs to: a configuration and data.

use std::collections::{BTreeMap, BTreeSet};

use datasets::{Dataset, Features, Targets};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::files::shown::{MESSAGE, VALUE, shown};
use crate::files::tensors::hex;
use crate::{Error, FileFault};

/// The configuration of a training run and the fingerprints of its data.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
///
/// use datasets::{Dataset, Features, Targets};
/// use ndarray::array;
/// use trainer::Run;
///
/// let features = Features::F32(array![[0.0, 1.0], [2.0, 3.0]].into_dyn());
/// let data = Dataset::new(features, Targets::Classes(vec![1, 0]), vec![])?;
/// let run = |rate: f64| Run::new(&BTreeMap::from([("rate", rate)]), &[("train", &data)]);
/// let error = run(0.1)?.check(&run(0.2)?).unwrap_err();
/// assert_eq!(error.to_string(), "the checkpoint is of another run: rate: 0.1 in the checkpoint, 0.2 now");
/// # Ok::<(), trainer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub(super) config: Value,
    pub(super) data: Value,
}

impl Run {
    /// A run from whatever configures it, such as a recipe, and its data sets, each with a name to call it by.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if the configuration cannot be written as JSON.
    pub fn new(config: &impl Serialize, data: &[(&str, &Dataset)]) -> Result<Self, Error> {
        let config = serde_json::to_value(config).map_err(|e| FileFault::metadata("config", e))?;
        let prints = data.iter().map(|&(name, set)| (name.to_owned(), fingerprint(set)));
        Ok(Run { config, data: Value::Object(prints.collect()) })
    }

    /// The configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if it is no `C`.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C, Error> {
        serde_json::from_value(self.config.clone()).map_err(|e| FileFault::metadata("config", e).into())
    }

    /// That a checkpoint of this run may go on as `now`.
    ///
    /// # Errors
    ///
    /// [`Error::OtherRun`] with all that differs.
    pub fn check(&self, now: &Run) -> Result<(), Error> {
        let differences = [("", &self.config, &now.config), ("data.", &self.data, &now.data)];
        let differences: Vec<_> = differences
            .into_iter()
            .flat_map(|(prefix, then, now)| differences_of(prefix, then, now))
            .collect();
        if differences.is_empty() { Ok(()) } else { Err(Error::OtherRun { differences }) }
    }
}

fn differences_of(prefix: &str, then: &Value, now: &Value) -> Vec<String> {
    let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
    flatten(String::new(), then, &mut a);
    flatten(String::new(), now, &mut b);
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let text = |map: &BTreeMap<String, String>, key| map.get(key).map_or("nothing".to_owned(), Clone::clone);
    let changed = keys.into_iter().filter(|&key| a.get(key) != b.get(key));
    changed
        .map(|key| {
            let (then, now) = (shown(&text(&a, key), MESSAGE), shown(&text(&b, key), MESSAGE));
            format!("{prefix}{}: {then} in the checkpoint, {now} now", shown(key, VALUE))
        })
        .collect()
}

/// `{"a": {"b": [1]}}` as `a.b.0` → `1`.
fn flatten(path: String, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| flatten(below(key), value, into));
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items.iter().enumerate().for_each(|(i, item)| flatten(below(&i.to_string()), item, into));
        }
        other => {
            into.insert(path, other.to_string());
        }
    }
}

/// What tells a data set from another: the shapes, and SHA-256 over the numbers.
fn fingerprint(data: &Dataset) -> Value {
    let features = match &data.features {
        Features::U8(x) => hash("u8", x.iter(), |x| [*x]),
        Features::F32(x) => hash("f32", x.iter(), |x| x.to_le_bytes()),
        Features::F64(x) => hash("f64", x.iter(), |x| x.to_le_bytes()),
    };
    let targets = match &data.targets {
        Targets::Classes(labels) => hash("classes", labels.iter(), |&x| (x as u64).to_le_bytes()),
        Targets::Values(values) => hash("values", values.iter(), |x| x.to_le_bytes()),
    };
    let target_shape = data.targets.values().map(|values| values.ncols());
    serde_json::json!({
        "shape": data.features.shape(),
        "features": features,
        "targets": targets,
        "values_a_target": target_shape,
        "class_names": data.class_names,
    })
}

/// `u8 3f5a…`: the type of the numbers and the digest of their bytes.
fn hash<'a, X: 'a, const N: usize>(
    kind: &str,
    numbers: impl Iterator<Item = &'a X>,
    bytes: impl Fn(&X) -> [u8; N],
) -> String {
    let mut digest = Sha256::new();
    let mut block = Vec::with_capacity(1 << 14);
    for x in numbers {
        if block.len() + N > block.capacity() {
            digest.update(&block);
            block.clear();
        }
        block.extend(bytes(x));
    }
    digest.update(&block);
    format!("{kind} {}", hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use serde_json::json;

    use super::*;

    fn set(first: f32, label: usize) -> Dataset {
        let features = Features::F32(array![[first, 1.0], [2.0, 3.0]].into_dyn());
        Dataset::new(features, Targets::Classes(vec![label, 2]), vec![]).unwrap()
    }

    fn message(then: &Run, now: &Run) -> String {
        then.check(now).unwrap_err().to_string()
    }

    #[test]
    fn each_difference_of_the_configuration_is_named_by_its_path() {
        let run = |config: Value| Run::new(&config, &[]).unwrap();
        let then =
            run(json!({"seed": 1, "optimizer": {"name": "sgd", "momentum": 0.9}, "layers": [{"units": 50}]}));
        then.check(&then.clone()).unwrap();
        let now = run(json!({"seed": 1, "optimizer": {"name": "adam"}, "layers": [{"units": 51}]}));
        assert_eq!(
            message(&then, &now),
            "the checkpoint is of another run: layers.0.units: 50 in the checkpoint, 51 now; optimizer.momentum: 0.9 \
             in the checkpoint, nothing now; optimizer.name: \"sgd\" in the checkpoint, \"adam\" now"
        );
    }

    #[test]
    fn each_difference_of_the_data_is_named() {
        let run = |data: &Dataset| Run::new(&json!({}), &[("train", data)]).unwrap();
        let then = run(&set(0.0, 1));
        then.check(&run(&set(0.0, 1))).unwrap();
        assert!(message(&then, &run(&set(-0.0, 1))).contains("data.train.features: \"f32 "));
        let labels = message(&then, &run(&set(0.0, 0)));
        assert!(labels.contains("data.train.targets") && !labels.contains("features"), "{labels}");
        let reshaped = set(0.0, 1).reshape_features(&[2, 1]).unwrap();
        assert!(
            message(&then, &run(&reshaped))
                .ends_with("data.train.shape: [2,2] in the checkpoint, [2,2,1] now")
        );
        let mut renamed = set(0.0, 1);
        renamed.class_names[0] = "zero".into();
        assert!(message(&then, &run(&renamed)).contains("data.train.class_names"));
        assert!(message(&then, &Run::new(&json!({}), &[]).unwrap()).contains("nothing now"));
    }

    #[test]
    fn what_a_hostile_checkpoint_says_is_short_and_safe_to_print() {
        let hostile = json!({"\u{1b}[2J": "x".repeat(3_000_000), "name": "\u{9b}1m"});
        let then = Run::new(&hostile, &[]).unwrap();
        let message = message(&then, &Run::new(&json!({}), &[]).unwrap());
        assert!(message.contains("\\u{1b}[2J: \"xxx") && message.contains("\"\\u{9b}1m\""), "{message}");
        assert!(message.len() < 1000 && !message.contains(char::is_control), "{message}");
    }

    #[test]
    fn a_configuration_comes_back_to_the_last_bit() {
        let rate = 0.1 + 0.2 * f64::EPSILON + 1e-17;
        let run = Run::new(&BTreeMap::from([("rate", rate)]), &[]).unwrap();
        let text = serde_json::to_string(&run.config).unwrap();
        let back = Run { config: serde_json::from_str(&text).unwrap(), data: Value::Null };
        assert_eq!(back.config::<BTreeMap<String, f64>>().unwrap()["rate"].to_bits(), rate.to_bits());
    }
}
