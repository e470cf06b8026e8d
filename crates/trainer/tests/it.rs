//! What the crate promises, seen from outside.

mod it {
    mod cases;
    mod optimizers;
    mod resume;
    mod support;
}
