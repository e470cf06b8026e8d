//! Groups of parameters that are trained in another way than the rest.

use layers::{ParamSpec, Role};

use crate::Error;

/// Which parameters are meant, and what is special about them.
///
/// Without groups every trainable parameter has the rate of the schedule; weight decay applies to weights and spares
/// biases and the scales and shifts of normalisations ([`Role::Offset`]). Of several groups that match a parameter, the
/// last one that says something about a setting counts.
///
/// # Examples
///
/// The first layer stays as it is, all biases learn twice as fast, and the last layer's bias decays too:
///
/// ```
/// use trainer::{Group, Kind};
///
/// let groups = [
///     Group { names: "0.*".into(), frozen: Some(true), ..Group::default() },
///     Group { names: "*.bias".into(), rate: Some(2.0), ..Group::default() },
///     Group { names: "4.*".into(), kind: Some(Kind::Offset), decays: Some(true), ..Group::default() },
/// ];
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Group {
    /// The names that are meant, such as `0.weight`; `*` stands for any characters, also none.
    pub names: String,
    /// Only those of this kind.
    pub kind: Option<Kind>,
    /// The factor on the learning rate.
    pub rate: Option<f64>,
    /// Whether weight decay applies.
    pub decays: Option<bool>,
    /// Whether the parameters stay as they are.
    pub frozen: Option<bool>,
}

/// What a trainable parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Kind {
    /// A weight.
    Weight,
    /// A bias, or the scale or shift of a normalisation.
    Offset,
}

impl Default for Group {
    fn default() -> Self {
        Group { names: "*".into(), kind: None, rate: None, decays: None, frozen: None }
    }
}

/// What holds for one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) rate: f64,
    pub(crate) decays: bool,
    /// Whether the optimiser changes it.
    pub(crate) trained: bool,
}

/// The settings of each parameter.
pub(crate) fn resolve(groups: &[Group], specs: &[ParamSpec]) -> Result<Vec<Settings>, Error> {
    for group in groups {
        group.check(specs)?;
    }
    let settings = |spec: &ParamSpec| {
        let start = Settings { rate: 1.0, decays: spec.decays(), trained: spec.trainable() };
        groups.iter().filter(|group| group.matches(spec)).fold(start, |settings, group| Settings {
            rate: group.rate.unwrap_or(settings.rate),
            decays: group.decays.unwrap_or(settings.decays),
            trained: spec.trainable() && group.frozen.map_or(settings.trained, |frozen| !frozen),
        })
    };
    Ok(specs.iter().map(settings).collect())
}

impl Group {
    fn matches(&self, spec: &ParamSpec) -> bool {
        let kind = match spec.role {
            Role::Weight => Kind::Weight,
            Role::Offset => Kind::Offset,
            Role::Statistic => return false,
        };
        self.kind.is_none_or(|wanted| wanted == kind) && matches(&self.names, &spec.name)
    }

    /// A group that matches nothing is a slip of the pen.
    fn check(&self, specs: &[ParamSpec]) -> Result<(), Error> {
        if self.rate.is_some_and(|rate| !(rate.is_finite() && rate >= 0.0)) {
            return Err(Error::option("groups", "a finite rate from 0", self.rate));
        }
        if !specs.iter().any(|spec| self.matches(spec)) {
            return Err(Error::option("groups", "names that a trainable parameter has", &self.names));
        }
        Ok(())
    }
}

/// Whether a name fits a pattern in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let (pieces, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(between) = name.strip_prefix(head).and_then(|name| name.strip_suffix(tail)) else {
        return false;
    };
    // The first place that a piece fits leaves the most for the pieces behind it, so there is no need to try others.
    let after = |name: &str, piece: &str| name.find(piece).map(|at| at + piece.len());
    pieces.split('*').try_fold(between, |name, piece| after(name, piece).map(|at| &name[at..])).is_some()
}

#[cfg(test)]
mod tests {
    use layers::{Affine, Layer, Sequential};
    use proptest::prelude::*;

    use super::*;

    /// Each star tries every number of characters: slow, and plainly right.
    fn matches_slowly(pattern: &str, name: &str) -> bool {
        let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
        let Some(rest) = name.strip_prefix(head) else { return false };
        let mut starts = rest.char_indices().map(|(i, _)| i).chain([rest.len()]);
        starts.any(|i| matches_slowly(tail, &rest[i..]))
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_it_fits_by_trying_all(pattern in "[abé*]{0,8}", name in "[abé*]{0,10}") {
            prop_assert_eq!(matches(&pattern, &name), matches_slowly(&pattern, &name));
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let (stars, name) = ("*".repeat(100_000), "y".repeat(100_000));
        assert!(!matches(&format!("{stars}x"), &name));
        assert!(!matches(&format!("{stars}x*"), &name));
        assert!(!matches(&"*y".repeat(100_001), &name));
        assert!(matches(&"*y".repeat(100_000), &name));
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*", "0.weight", true),
            ("0.*", "0.weight", true),
            ("0.*", "10.weight", false),
            ("*.bias", "3.1.bias", true),
            ("*.bias", "3.bias.x", false),
            ("1.*.weight", "1.0.weight", true),
            ("1.*.weight", "1.weight", false),
            ("0.weight", "0.weight", true),
            ("", "0.weight", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} and {name}");
        }
    }

    fn specs() -> Vec<ParamSpec> {
        let network = Sequential::new(&[2]).push(Affine::new(2, 3)).unwrap().push(Affine::new(3, 1)).unwrap();
        let statistic = ParamSpec::statistic("mean", &[3], 0.0).within(2);
        network.params().into_iter().chain([statistic]).collect()
    }

    #[test]
    fn decay_skips_offsets_and_statistics_are_never_trained() {
        let all = resolve(&[Group { frozen: Some(false), ..Group::default() }], &specs()).unwrap();
        assert_eq!(all.iter().map(|s| s.decays).collect::<Vec<_>>(), [true, false, true, false, false]);
        assert_eq!(all.iter().map(|s| s.trained).collect::<Vec<_>>(), [true, true, true, true, false]);
    }

    #[test]
    fn the_last_group_that_speaks_of_a_setting_counts() {
        let groups = [
            Group { rate: Some(0.5), frozen: Some(true), ..Group::default() },
            Group { names: "1.*".into(), frozen: Some(false), ..Group::default() },
            Group { kind: Some(Kind::Offset), decays: Some(true), rate: Some(2.0), ..Group::default() },
            Group { names: "*.weight".into(), decays: Some(false), ..Group::default() },
            Group { names: "1.*".into(), frozen: Some(false), ..Group::default() },
        ];
        let all = resolve(&groups, &specs()).unwrap();
        assert_eq!(all.iter().map(|s| s.rate).collect::<Vec<_>>(), [0.5, 2.0, 0.5, 2.0, 1.0]);
        assert_eq!(all.iter().map(|s| s.trained).collect::<Vec<_>>(), [false, false, true, true, false]);
        assert_eq!(all.iter().map(|s| s.decays).collect::<Vec<_>>(), [false, true, false, true, false]);
    }

    #[test]
    fn a_group_that_matches_nothing_is_an_error() {
        let groups = [Group { names: "7.*".into(), ..Group::default() }];
        let error = resolve(&groups, &specs()).unwrap_err().to_string();
        assert_eq!(error, "groups: expected names that a trainable parameter has, got \"7.*\"");
    }
}
