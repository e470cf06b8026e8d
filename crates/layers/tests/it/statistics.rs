//! Running statistics: which passes they take over, and from where.

use layers::{AnyLayer, Backprop, BatchNorm, Concat, Mode, Residual, Sequential};
use ndarray::{ArrayD, array};

/// The running mean and variance after these passes on 1 and 3 and one `absorb`.
fn statistics(layer: &dyn AnyLayer, passes: &[Mode]) -> (f64, f64) {
    let x = array![[1.0], [3.0]].into_dyn();
    let initial = |name: &str| if name.ends_with("gamma") || name.ends_with("var") { 1.0 } else { 0.0 };
    let mut params: Vec<ArrayD<f64>> =
        layer.params().iter().map(|p| ArrayD::from_elem(&*p.shape, initial(&p.name))).collect();
    let mut cache = Backprop::<f64>::new_cache(layer, x.shape());
    let mut y = x.clone();
    for mode in passes {
        cache.begin(*mode, 1);
        Backprop::<f64>::forward(layer, &params, &x, &mut y, &mut cache);
    }
    Backprop::<f64>::absorb(layer, &cache, &mut params);
    (params[2][0], params[3][0])
}

#[test]
fn statistics_are_absorbed_alone_and_inside_of_each_container() {
    let norm = BatchNorm { momentum: 0.5, ..BatchNorm::new(1) };
    let chain = || Sequential::new(&[1]).push(norm).unwrap();
    let layers: [Box<dyn AnyLayer>; 4] = [
        Box::new(norm),
        Box::new(chain()),
        Box::new(Concat::new(&[1]).push(norm).unwrap()),
        Box::new(Residual::new(chain())),
    ];
    for layer in layers {
        assert_eq!(statistics(&*layer, &[Mode::Train]), (1.0, 1.5), "{layer:?}");
        assert_eq!(statistics(&*layer, &[Mode::Train, Mode::Infer]), (0.0, 1.0), "{layer:?}");
    }
}
