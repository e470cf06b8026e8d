//! What the crate promises, seen from outside.

mod it {
    mod cases;
    #[cfg(feature = "checkpoint")]
    mod checkpoint;
    #[cfg(all(feature = "checkpoint", unix))]
    mod disk;
    mod docs;
    mod examples;
    mod gradients;
    #[cfg(feature = "model-file")]
    mod hostile;
    #[cfg(all(feature = "checkpoint", unix))]
    mod kill;
    mod lbfgs;
    #[cfg(any(feature = "model-file", feature = "npz"))]
    mod memory;
    #[cfg(feature = "model-file")]
    mod model_file;
    #[cfg(feature = "npz")]
    mod npy;
    #[cfg(all(feature = "onnx", feature = "recipe"))]
    mod onnx;
    mod optimizers;
    mod prediction_only;
    #[cfg(feature = "model-file")]
    mod pip_safetensors;
    #[cfg(feature = "model-file")]
    mod pytorch;
    #[cfg(feature = "report")]
    mod report;
    mod resume;
    mod schedules;
    mod support;
    mod trace;
    mod training;
}
