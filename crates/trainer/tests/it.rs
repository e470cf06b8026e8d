//! What the crate promises, seen from outside.

mod it {
    mod cases;
    #[cfg(feature = "checkpoint")]
    mod checkpoint;
    #[cfg(all(feature = "checkpoint", unix))]
    mod disk;
    mod docs;
    mod examples;
    mod gradient_marks;
    mod gradients;
    #[cfg(feature = "model-file")]
    mod hostile;
    #[cfg(all(feature = "checkpoint", unix))]
    mod kill;
    mod lbfgs;
    mod memory;
    #[cfg(feature = "model-file")]
    mod model_file;
    #[cfg(feature = "npz")]
    mod npy;
    #[cfg(all(feature = "onnx", feature = "recipe"))]
    mod onnx;
    mod optimizers;
    #[cfg(feature = "model-file")]
    mod pip_safetensors;
    mod prediction_only;
    #[cfg(feature = "model-file")]
    mod printed;
    #[cfg(feature = "model-file")]
    mod pytorch;
    mod rate_finder;
    #[cfg(feature = "recipe")]
    mod recipes;
    mod refused;
    #[cfg(feature = "report")]
    mod report;
    mod resume;
    mod schedules;
    mod steps;
    mod support;
    mod threads;
    mod trace;
    mod training;
    mod unfit;
    mod weights;
}
