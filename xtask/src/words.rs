//! Numbers on the command line, refused where they are typed and not after the data are read.

/// A number that an image may have for white.
pub fn finite_but_0(text: &str) -> Result<f64, String> {
    number(text, "a finite number that is not 0", |x| x.is_finite() && x != 0.0)
}

/// A number that a learning rate may be.
pub fn finite_from_0(text: &str) -> Result<f64, String> {
    number(text, "a finite number from 0", |x| x.is_finite() && x >= 0.0)
}

fn number(text: &str, expected: &str, is_right: impl Fn(f64) -> bool) -> Result<f64, String> {
    text.parse().ok().filter(|&x| is_right(x)).ok_or_else(|| format!("expected {expected}"))
}
