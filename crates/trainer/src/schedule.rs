//! Schedules: the learning rate as a function of time.

/// The learning rate of each step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "recipe", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "recipe", serde(tag = "name", rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
pub enum Schedule {
    /// The base rate throughout.
    #[default]
    Constant,
}

impl Schedule {
    /// The learning rate of step `t`, counted from 0, given the base rate and how long training lasts.
    pub fn rate(&self, base: f64, t: u64, total: u64) -> f64 {
        let _ = (t, total);
        match self {
            Schedule::Constant => base,
        }
    }
}
