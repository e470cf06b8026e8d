//! Numbers as a person reads them.

use std::fmt;

use maud::Render;

use crate::table::grouped;

pub(super) use crate::table::count;

/// Four significant digits: `0.04`, `97.22`, `12,345`, `1.5e-7`.
pub(super) fn short(x: f64) -> String {
    significant(x, 4)
}

/// `97.22 %`
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// `12.3 s`, `81.2 ms`, `4 min 5 s`
pub(super) fn seconds(s: f64) -> String {
    match s {
        _ if !s.is_finite() => "-".into(),
        0.0..1e-3 => format!("{} us", significant(s * 1e6, 3)),
        1e-3..1.0 => format!("{} ms", significant(s * 1e3, 3)),
        1.0..60.0 => format!("{} s", significant(s, 3)),
        _ => format!("{} min {:.0} s", count((s / 60.0) as u64), (s % 60.0).floor()),
    }
}

fn significant(x: f64, digits: i32) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return x.to_string();
    }
    // Rounding may carry into another digit, so the exponent is read from the rounded number.
    let rounded = format!("{x:.*e}", (digits - 1) as usize);
    let (mantissa, exponent) = rounded.split_once('e').expect("scientific notation");
    let exponent: i32 = exponent.parse().expect("an exponent");
    if !(-4..7).contains(&exponent) {
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    fixed(x, (digits - 1 - exponent).max(0) as usize)
}

/// The same, always with an exponent: `1e-4`.
pub(super) fn scientific(x: f64) -> String {
    let text = format!("{x:.3e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if x != 0.0 => format!("{}e{exponent}", trimmed(mantissa)),
        _ => short(x),
    }
}

/// With so many decimals, without zeros at the end, thousands grouped.
pub(super) fn fixed(x: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", x.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if x < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) { "-" } else { "" };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

fn trimmed(mantissa: &str) -> &str {
    if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa }
}

/// A number to five significant digits, for data that a page carries.
pub(super) fn rounded(x: f64) -> f64 {
    format!("{x:.4e}").parse().unwrap_or(x)
}

/// A coordinate in a picture: to a hundredth of a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding 0 makes -0 a 0.
        write!(f, "{}", (self.0 * 100.0).round() / 100.0 + 0.0)
    }
}

impl Render for Px {
    fn render_to(&self, buffer: &mut String) {
        use fmt::Write;
        write!(buffer, "{self}").expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_matters() {
        assert_eq!([1, 999, 1_000, 1_234_567].map(count), ["1", "999", "1,000", "1,234,567"]);
        let shown = [0.0, 0.04, 0.97224, 12_345.6, 1.5e-7, -0.5, 9.99999, 3e9].map(short);
        assert_eq!(shown, ["0", "0.04", "0.9722", "12,346", "1.5e-7", "-0.5", "10", "3e9"]);
        assert_eq!(
            [0.5e-4, 0.0812, 0.99999, 65.0, 245.0].map(seconds),
            ["50 us", "81.2 ms", "1,000 ms", "1 min 5 s", "4 min 5 s"]
        );
        assert_eq!(
            [0.0, 1e-4, 2.5e-3, -3e9, f64::NAN].map(scientific),
            ["0", "1e-4", "2.5e-3", "-3e9", "NaN"]
        );
        assert_eq!(fixed(-0.001, 2), "0");
        assert_eq!([f64::NAN, f64::INFINITY].map(short), ["NaN", "inf"]);
        assert_eq!(Px(-0.001).to_string(), "0");
    }
}
