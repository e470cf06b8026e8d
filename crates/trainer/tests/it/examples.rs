//! The numbered examples run, and what they assert is true. `cargo test` alone only builds examples.

/// A test that runs the `main` of each example.
macro_rules! examples {
    ($($(#[$condition:meta])* $name:ident = $path:literal;)*) => {$(
        $(#[$condition])*
        #[path = $path]
        mod $name;

        $(#[$condition])*
        #[test]
        fn $name() {
            Outcome::check(&$name::main());
        }
    )*};
}

/// What a `main` returns.
trait Outcome {
    fn check(&self);
}

impl Outcome for () {
    fn check(&self) {}
}

impl<E: std::fmt::Debug> Outcome for Result<(), E> {
    fn check(&self) {
        assert!(self.is_ok(), "{self:?}");
    }
}

examples! {
    nodes = "../../examples/01_nodes.rs";
    one_layer = "../../examples/02_one_layer.rs";
    gradients = "../../examples/03_gradients.rs";
    two_layers_by_hand = "../../examples/04_two_layers_by_hand.rs";
    trainer = "../../examples/05_trainer.rs";
    your_own_layer = "../../examples/06_your_own_layer.rs";
    your_own_csv = "../../examples/07_your_own_csv.rs";
    convolutions = "../../examples/08_convolutions.rs";
    #[cfg(feature = "model-file")]
    save_and_serve = "../../examples/09_save_and_serve.rs";
    #[cfg(feature = "checkpoint")]
    resume = "../../examples/10_resume.rs";
}

#[test]
fn every_example_is_run_here() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(include_str!("examples.rs").contains(&format!("examples/{name}\"")), "{name}");
    }
}
