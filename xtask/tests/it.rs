//! The commands, run as a person runs them.

mod it {
    #[cfg(unix)]
    mod checkpoints;
}
