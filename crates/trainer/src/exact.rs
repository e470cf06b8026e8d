//! Numbers in JSON to the last bit: what JSON cannot hold (infinities, not-a-number) becomes text.
//!
//! For `#[serde(with = "crate::exact")]`, and `crate::exact::option`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Other(Other),
}

#[derive(Serialize, Deserialize)]
enum Other {
    #[serde(rename = "inf")]
    Infinity,
    #[serde(rename = "-inf")]
    NegativeInfinity,
    #[serde(rename = "nan")]
    NotANumber,
}

impl From<f64> for Number {
    fn from(x: f64) -> Self {
        match x {
            f64::INFINITY => Number::Other(Other::Infinity),
            f64::NEG_INFINITY => Number::Other(Other::NegativeInfinity),
            x if x.is_nan() => Number::Other(Other::NotANumber),
            x => Number::Finite(x),
        }
    }
}

impl From<Number> for f64 {
    fn from(number: Number) -> f64 {
        match number {
            Number::Finite(x) => x,
            Number::Other(Other::Infinity) => f64::INFINITY,
            Number::Other(Other::NegativeInfinity) => f64::NEG_INFINITY,
            Number::Other(Other::NotANumber) => f64::NAN,
        }
    }
}

pub(crate) fn serialize<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number::from(*x).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer).map(f64::from)
}

pub(crate) mod option {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(x: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        x.map(Number::from).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Number>::deserialize(deserializer)?.map(f64::from))
    }
}

#[cfg(all(test, feature = "files"))]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Pair {
        #[serde(with = "crate::exact")]
        one: f64,
        #[serde(with = "crate::exact::option")]
        other: Option<f64>,
    }

    #[test]
    fn every_number_comes_back_with_its_bits() {
        let awkward = [0.1, -0.0, 1.0, 5e-324, f64::MAX, 0.1 + 0.2, f64::INFINITY, -f64::INFINITY, f64::NAN];
        for x in awkward {
            for other in [None, Some(x)] {
                let text = serde_json::to_string(&Pair { one: x, other }).unwrap();
                let back: Pair = serde_json::from_str(&text).unwrap();
                assert_eq!(back.one.to_bits(), x.to_bits(), "{text}");
                assert_eq!(back.other.map(f64::to_bits), other.map(f64::to_bits), "{text}");
            }
        }
        assert!(serde_json::from_str::<Pair>(r#"{"one":"1.0","other":null}"#).is_err());
    }
}
