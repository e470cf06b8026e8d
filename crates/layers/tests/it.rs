//! What the crate promises, seen from outside.

mod it {
    mod cases;
    mod docs;
    mod onnx;
    mod own_layer;
    mod pytorch;
    mod statistics;
}
