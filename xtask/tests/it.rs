//! The commands, run as a person runs them, and what the documents of the workspace promise.

mod it {
    mod bench;
    #[cfg(unix)]
    mod checkpoints;
    mod completions;
    mod csv;
    mod documents;
    mod errors;
    mod export;
    #[cfg(unix)]
    mod fetch_data;
    mod list;
    mod predict;
    mod summary;
    mod support;
    mod train;
}
