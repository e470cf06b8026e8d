//! Recipes that make no sense, each refused by the name of the field.

use trainer::recipe::Recipe;

/// What is said of the digits' recipe with a line of it exchanged, loaded and made ready for training.
fn refused(old: &str, new: &str) -> String {
    let (_, text) = trainer::recipe::BUILT_IN[0];
    assert!(text.contains(old), "{old}");
    let recipe = Recipe::parse(&text.replace(old, new), "mine.toml".as_ref()).unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets");
    let ready = recipe.load_data(root.as_ref()).and_then(|data| recipe.model::<f32>(&data));
    ready.and_then(|model| recipe.trainer(model)).map(drop).unwrap_err().to_string()
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_the_name_of_their_field() {
    let constant = "scaling = { constant = 0.0625 }";
    for got in ["inf", "-inf", "nan"] {
        let error = refused(constant, &format!("scaling = {{ constant = {got} }}"));
        assert_eq!(error.to_lowercase(), format!("scaling: expected a finite constant, got {got}"));
    }
    let init = |init: &str| refused("[model]", &format!("[model]\ninit = {init}"));
    assert_eq!(init("{ name = 'normal', std = -1.0 }"), "init: expected std finite and from 0, got -1.0");
    assert_eq!(
        init("{ name = 'truncated_normal', std = inf }"),
        "init: expected std finite and from 0, got inf"
    );
    assert_eq!(
        init("{ name = 'uniform', low = 1.0, high = -1.0 }"),
        "init: expected high from low, which is 1.0, got -1.0"
    );
    assert_eq!(init("{ name = 'constant', value = nan }"), "init: expected value finite, got NaN");
    assert_eq!(init("{ name = 'orthogonal', gain = inf }"), "init: expected gain finite, got inf");
    for length in ["{ epochs = 0 }", "{ steps = 0 }"] {
        let error = refused("{ epochs = 60 }", length);
        assert_eq!(error, format!("length: expected at least 1 epoch or step, got {length}"));
    }
    let name = "name = \"softmax_cross_entropy\"";
    assert_eq!(
        refused(name, &format!("{name}\nclass_weights = [1e308, 1e308]")),
        "step 0: softmax_cross_entropy: class_weights: expected numbers up to 1e30, got 1e308"
    );
}

#[test]
fn two_classes_of_one_name_are_refused_before_a_file_is_read() {
    let expected = r#"classes: expected names that all differ, got "p twice""#;
    assert_eq!(refused("header = false", "header = false, classes = ['q', 'p', 'p']"), expected);
    let csv = r#"csv = { train = "digits/digits.csv.gz", header = false, label = "last" }"#;
    let idx = "idx = { train = 'nowhere', train_labels = 'nowhere', classes = ['p', 'p'] }";
    assert_eq!(refused(csv, idx), expected);
}

/// That this kind, written down, is read back, and is refused with a key that it does not have.
fn refuses_a_key<K: serde::Serialize + serde::de::DeserializeOwned>(kind: &K) {
    let mut table = toml::Table::try_from(kind).unwrap();
    assert!(table.clone().try_into::<K>().is_ok(), "{table}");
    table.insert("junk".into(), 1.into());
    let error = table.clone().try_into::<K>().map(drop).expect_err(&table.to_string()).to_string();
    assert!(error.contains("unknown field `junk`"), "{table}: {error}");
}

#[test]
fn every_kind_that_a_recipe_may_name_refuses_a_key_that_it_does_not_have() {
    use layers::{Bell, Init, Side};

    layers::Spec::all().iter().for_each(refuses_a_key);
    losses::Spec::all().iter().for_each(refuses_a_key);
    trainer::OptimizerSpec::all().iter().for_each(refuses_a_key);
    trainer::Schedule::all().iter().for_each(refuses_a_key);
    let inits = [
        Init::Zeros {},
        Init::Constant { value: 1.0 },
        Init::Uniform { low: 0.0, high: 1.0 },
        Init::Normal { std: 1.0 },
        Init::TruncatedNormal { std: 1.0 },
        Init::Xavier { shape: Bell::Normal },
        Init::He { shape: Bell::Normal, fan: Side::In },
        Init::Lecun { shape: Bell::Normal },
        Init::Orthogonal { gain: 1.0 },
    ];
    inits.iter().for_each(refuses_a_key);
}
