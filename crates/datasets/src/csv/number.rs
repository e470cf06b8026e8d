//! Text into numbers.

use std::str::FromStr;

use ndarray::ArrayD;

use crate::Features;

/// A type in which features are held.
pub(super) trait Number: Copy {
    /// What should stand in place of this text, which is no number of this type.
    fn expected(text: &[u8]) -> &'static str;

    /// A whole number of at most [`MAX_SMALL_DIGITS`] digits.
    fn small(x: u32) -> Option<Self>;

    /// A finite number in decimal notation, with a fraction and an exponent if need be.
    fn parse(text: &[u8]) -> Option<Self>;

    /// The number that stands in the text that this was parsed from, before it was rounded to this type.
    fn written(self, text: &[u8]) -> f64;

    fn features(array: ArrayD<Self>) -> Features;
}

/// Whole numbers of so many digits are exact in f32, so that their digits are all there is to parse.
pub(super) const MAX_SMALL_DIGITS: usize = 7;

/// A byte that a number is written with.
pub(super) fn is_decimal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

impl Number for u8 {
    fn expected(_text: &[u8]) -> &'static str {
        "a whole number from 0 to 255"
    }

    fn small(x: u32) -> Option<Self> {
        u8::try_from(x).ok()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let x = f64::parse(text)?;
        (x.fract() == 0.0 && (0.0..=255.0).contains(&x)).then_some(x as u8)
    }

    fn written(self, _text: &[u8]) -> f64 {
        f64::from(self)
    }

    fn features(array: ArrayD<Self>) -> Features {
        Features::U8(array)
    }
}

/// The number in decimal notation, infinite if it is too large for the type.
fn decimal<F: FromStr>(text: &[u8]) -> Option<F> {
    // The standard parser also takes "nan", "inf" and "infinity".
    let text = text.iter().all(|&byte| is_decimal(byte)).then_some(text)?;
    str::from_utf8(text).ok()?.parse().ok()
}

macro_rules! float {
    ($float:ident, $bound:literal, $features:path) => {
        impl Number for $float {
            fn expected(text: &[u8]) -> &'static str {
                match decimal::<Self>(text) {
                    Some(_) => {
                        concat!("a number of at most ", $bound, ", which ", stringify!($float), " can hold")
                    }
                    None => "a finite number",
                }
            }

            fn small(x: u32) -> Option<Self> {
                Some(x as $float)
            }

            fn parse(text: &[u8]) -> Option<Self> {
                decimal(text).filter(|x: &Self| x.is_finite())
            }

            fn written(self, text: &[u8]) -> f64 {
                let rounded = f64::from(self);
                f64::parse(text).unwrap_or(rounded)
            }

            fn features(array: ArrayD<Self>) -> Features {
                $features(array)
            }
        }
    };
}

float!(f32, "3.4e38", Features::F32);
float!(f64, "1.8e308", Features::F64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_notations_are_numbers() {
        for (text, x) in [("0", 0.0), ("+1", 1.0), ("1.", 1.0), ("-.5", -0.5), ("2e-3", 2e-3), ("1E2", 100.0)]
        {
            assert_eq!(f32::parse(text.as_bytes()), Some(x), "{text}");
        }
        for text in
            ["", "-", ".", "e5", "nan", "NaN", "inf", "-infinity", "1e400", "0x10", "1_000", " 1", "1 2", "١"]
        {
            assert_eq!(f64::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(f32::parse(b"1e39"), None, "beyond single precision");
        assert_eq!(f64::parse(b"1e39"), Some(1e39));
    }

    #[test]
    fn bytes_are_whole_numbers_from_0_to_255() {
        for (text, x) in [("7", 7), ("255.0", 255), ("2.5e1", 25), ("-0", 0)] {
            assert_eq!(u8::parse(text.as_bytes()), Some(x), "{text}");
        }
        for text in ["256", "-1", "3.7", "nan"] {
            assert_eq!(u8::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn small_whole_numbers_are_exact_in_single_precision() {
        let largest = 10_u32.pow(MAX_SMALL_DIGITS as u32) - 1;
        assert_eq!(f32::small(largest).map(f64::from), Some(f64::from(largest)));
    }
}
