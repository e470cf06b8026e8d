//! What the crate promises, seen from outside.

mod it {
    mod cases;
    mod optimizers;
    #[cfg(feature = "report")]
    mod report;
    mod resume;
    mod support;
}
