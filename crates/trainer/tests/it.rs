//! What the crate promises, seen from outside.

mod it {
    mod cases;
    #[cfg(feature = "checkpoint")]
    mod checkpoint;
    #[cfg(all(feature = "checkpoint", unix))]
    mod disk;
    #[cfg(feature = "model-file")]
    mod hostile;
    #[cfg(all(feature = "checkpoint", unix))]
    mod kill;
    #[cfg(feature = "model-file")]
    mod memory;
    #[cfg(feature = "model-file")]
    mod model_file;
    #[cfg(all(feature = "onnx", feature = "recipe"))]
    mod onnx;
    mod optimizers;
    #[cfg(feature = "model-file")]
    mod pytorch;
    #[cfg(feature = "report")]
    mod report;
    mod resume;
    mod support;
    mod trace;
}
