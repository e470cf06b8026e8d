//! What the crate promises, seen from outside.

mod it {
    mod resume;
    mod support;
}
