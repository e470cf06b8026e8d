//! The commands, run as a person runs them, and what the documents of the workspace promise.

mod it {
    #[cfg(unix)]
    mod checkpoints;
    mod documents;
    #[cfg(unix)]
    mod fetch_data;
    #[cfg(unix)]
    mod support;
}
