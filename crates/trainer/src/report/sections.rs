//! The parts of a report that are no charts.

use std::time::Duration;

use datasets::Dataset;
use layers::Role;
use maud::{Markup, html};
use tensor_ops::Scalar;

use super::chart::shortened;
use super::images::{ImageShape, rasters, row};
use super::judgement::{Mistake, Verdict, worst_values};
use super::number::{count, percent, seconds, short};
use super::page::{bar, card, table};
use super::raster::Raster;
use super::run_file::{RunFile, Score};
use crate::{LayerSummary, Model, Phase, Trace, Warning};

/// Mistakes that are shown.
const MISTAKES: usize = 40;
/// Characters of a class name in a table that has to fit its card.
const NAME: usize = 14;
/// Units of the first layer that are shown.
const UNITS: usize = 64;
/// Weights of a unit above which fewer units are shown: the page is to stay small.
const LARGE: usize = 4_096;
/// Rows and columns up to which the weights of a layer without images are shown.
const MATRIX: usize = 256;

/// The results in large type.
pub(super) fn facts(run: &RunFile) -> Markup {
    let last = run.history.last();
    let accuracy = |score: &Score| score.accuracy.map(percent);
    let all = [
        ("test accuracy", run.test.as_ref().and_then(accuracy)),
        ("test loss", run.test.map(|test| short(test.loss))),
        ("train accuracy", accuracy(&run.train)),
        ("train loss", Some(short(run.train.loss))),
        ("parameters", Some(count(run.parameters as u64))),
        ("epochs", last.map(|r| short(r.epoch))),
        ("steps", last.map(|r| count(r.step))),
        ("training", Some(seconds(run.seconds))),
        ("seed", Some(run.seed.to_string())),
    ];
    let body = html! {
        div .facts {
            @for (name, value) in all.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
                div { b { (value) } span { (name) } }
            }
        }
    };
    card("facts", "Result", "the trained model, evaluated on all examples of each set", true, &body)
}

/// What there is to be warned of.
pub(super) fn warnings(warnings: &[Warning]) -> Option<Markup> {
    let body = html! { ul { @for warning in warnings { li { (warning.to_string()) } } } };
    (!warnings.is_empty()).then(|| card("warnings", "Warnings", "", true, &body))
}

/// The recipe.
pub(super) fn configuration(recipe: &str) -> Markup {
    card("configuration", "Configuration", "the recipe of this run", false, &html! { pre { (recipe) } })
}

/// The layers.
pub(super) fn network(rows: &[LayerSummary], input: &[usize]) -> Markup {
    let cells = rows.iter().enumerate().map(|(i, row)| {
        let products = row.multiply_adds.map_or("-".into(), count);
        vec![
            html! { (i) " " (row.kind) },
            html! { (format!("{:?}", row.output)) },
            html! { (count(row.parameters as u64)) },
            html! { (products) },
        ]
    });
    let parameters: usize = rows.iter().map(|row| row.parameters).sum();
    let products: Option<u64> = rows.iter().map(|row| row.multiply_adds).sum();
    let products = products.map_or(String::new(), |n| format!(", {} multiply-adds an example", count(n)));
    let note = format!("input {input:?}; {} parameters{products}", count(parameters as u64));
    let body = table(&["layer", "output", "parameters", "multiply-adds"], &cells.collect::<Vec<_>>());
    card("network", "Network", &note, false, &body)
}

/// Where the time went.
pub(super) fn times(trace: &Trace) -> Markup {
    let total: Duration = trace.times.iter().sum();
    let rows = Phase::ALL.iter().zip(&trace.times).map(|(phase, time)| {
        let share = time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
        vec![
            html! { (phase.name()) },
            html! { (seconds(time.as_secs_f64())) },
            bar(share, &format!("{:.1} %", 100.0 * share)),
        ]
    });
    let note = format!("{} in all", seconds(total.as_secs_f64()));
    card(
        "time",
        "Time by phase",
        &note,
        false,
        &table(&["phase", "time", "share"], &rows.collect::<Vec<_>>()),
    )
}

/// Precision, recall and F1 of each class.
pub(super) fn classes(verdict: &Verdict, names: &[String]) -> Markup {
    let shown = |share: Option<f64>| share.map_or(html! { "-" }, |share| bar(share, &percent(share)));
    let confusion = &verdict.confusion;
    let rows = (0..confusion.classes()).map(|class| {
        vec![
            names.get(class).map_or(html! {}, |name| html! { span title=(name) { (shortened(name, NAME)) } }),
            html! { (count(confusion.support(class))) },
            shown(confusion.precision(class)),
            shown(confusion.recall(class)),
            shown(confusion.f1(class)),
        ]
    });
    let note = "precision: of those taken for the class, how many are of it; recall: of those of the class, how many \
                were found; F1: their harmonic mean";
    let body = table(&["class", "examples", "precision", "recall", "F1"], &rows.collect::<Vec<_>>());
    card("classes", "Classes", note, false, &body)
}

/// The mistakes of which the model was surest: as images if the examples are, else as a table.
pub(super) fn mistakes(verdict: &Verdict, data: &Dataset, shape: Option<ImageShape>) -> Markup {
    let worst = &verdict.mistakes[..verdict.mistakes.len().min(MISTAKES)];
    let sure = worst.first().map_or("confidence", Mistake::how_sure);
    let name = |class: usize| data.class_names.get(class).cloned().unwrap_or_else(|| class.to_string());
    let body = match shape {
        _ if worst.is_empty() => html! { p { "None: every test example is right." } },
        Some(shape) => {
            let indices: Vec<usize> = worst.iter().map(|m| m.example).collect();
            let images = rasters(&data.features, shape, &indices);
            html! {
                div .tiles {
                    @for (mistake, image) in worst.iter().zip(&images) {
                        figure {
                            img src=(image.to_uri()) alt={ "example " (mistake.example) };
                            figcaption {
                                b { (name(mistake.truth)) } ", guess " b { (name(mistake.guess)) } br;
                                (mistake.shown()) " #" (mistake.example)
                            }
                        }
                    }
                }
            }
        }
        None => {
            let rows = worst.iter().map(|m| {
                vec![
                    html! { "#" (m.example) },
                    html! { (name(m.truth)) },
                    html! { (name(m.guess)) },
                    html! { (m.shown()) },
                    html! { (numbers(&row(&data.features, m.example))) },
                ]
            });
            table(&["example", "truth", "guess", sure, "inputs"], &rows.collect::<Vec<_>>())
        }
    };
    let (all, n) = (count(verdict.mistakes.len() as u64), count(data.len() as u64));
    let note = format!(
        "{all} of {n} test examples; those of highest {sure} first: truth, guess, {sure}, number of the example"
    );
    card("mistakes", "Worst mistakes", &note, true, &body)
}

/// The examples whose values are missed by most.
pub(super) fn errors(outputs: &ndarray::Array2<f64>, data: &Dataset) -> Markup {
    let Some(values) = data.targets.values() else { return html! {} };
    let worst = worst_values(outputs, data, MISTAKES);
    let rows = worst.iter().map(|&(i, error)| {
        vec![
            html! { "#" (i) },
            html! { (short(error)) },
            html! { (numbers(&values.row(i).to_vec())) },
            html! { (numbers(&outputs.row(i).to_vec())) },
        ]
    });
    let body = table(&["example", "error", "target", "output"], &rows.collect::<Vec<_>>());
    card("mistakes", "Largest errors", "test examples by root mean square error", true, &body)
}

/// The first few of some numbers.
fn numbers(all: &[f64]) -> String {
    const SHOWN: usize = 6;
    let text: Vec<String> = all.iter().take(SHOWN).map(|&v| short(v)).collect();
    text.join("  ") + if all.len() > SHOWN { "  ..." } else { "" }
}

/// What the first layer looks for: each of its units as an image, if the inputs are images or the weights are kernels.
pub(super) fn weights<T: Scalar>(model: &Model<T>, shape: Option<ImageShape>) -> Option<Markup> {
    let (weight, spec) =
        model.params().iter().zip(model.specs()).find(|(_, spec)| spec.role == Role::Weight)?;
    let largest = weight.iter().map(|w| w.value().abs()).filter(|w| w.is_finite()).fold(0.0, f64::max);
    let units: Vec<Raster> = match (weight.shape(), shape) {
        (&[d_in, d_out], Some(shape)) if d_in == shape.numbers() => {
            let shown = if d_in > LARGE { UNITS / 4 } else { UNITS };
            (0..d_out.min(shown)).map(|unit| unit_image(weight, unit, shape, largest)).collect()
        }
        (&[filters, _, height, width], _) if height > 1 && width > 1 => (0..filters.min(UNITS))
            .map(|filter| kernel_image(weight, filter, [height, width], largest))
            .collect(),
        (&[d_in, d_out], _) if d_in.max(d_out) <= MATRIX && d_in.min(d_out) > 0 => {
            let matrix = Raster::signed(d_out, d_in, weight.iter().map(|w| w.value()), largest);
            let note = format!(
                "{}: a row an input, a column a unit; blue above 0, orange below, full at {}",
                spec.name,
                short(largest)
            );
            let body = html! { img .matrix src=(matrix.to_uri()) alt="weights"; };
            return Some(card("weights", "Weights of the first layer", &note, true, &body));
        }
        _ => return None,
    };
    let all = if weight.ndim() == 2 { weight.shape()[1] } else { weight.shape()[0] };
    let of = if units.len() < all {
        format!("the first {} of {}", units.len(), count(all as u64))
    } else {
        format!("{all} units")
    };
    let note = format!("{}, {of}; blue above 0, orange below, full at {}", spec.name, short(largest));
    let body = html! {
        div .tiles .small {
            @for (i, unit) in units.iter().enumerate() {
                figure { img src=(unit.to_uri()) alt={ "unit " (i) } data-tip={ "unit " (i) }; }
            }
        }
    };
    Some(card("weights", "Weights of the first layer", &note, true, &body))
}

/// The weights into a unit, where the pixels are that they weigh; the mean of the channels.
fn unit_image<T: Scalar>(
    weight: &ndarray::ArrayD<T>,
    unit: usize,
    shape: ImageShape,
    largest: f64,
) -> Raster {
    let ImageShape { channels, height, width } = shape;
    let pixels = height * width;
    let mean = |pixel: usize| {
        (0..channels).map(|c| weight[[c * pixels + pixel, unit]].value()).sum::<f64>() / channels as f64
    };
    Raster::signed(width, height, (0..pixels).map(mean), largest)
}

fn kernel_image<T: Scalar>(
    weight: &ndarray::ArrayD<T>,
    filter: usize,
    [height, width]: [usize; 2],
    largest: f64,
) -> Raster {
    let channels = weight.shape()[1];
    let mean =
        |(i, j)| (0..channels).map(|c| weight[[filter, c, i, j]].value()).sum::<f64>() / channels as f64;
    let places = (0..height).flat_map(|i| (0..width).map(move |j| (i, j)));
    Raster::signed(width, height, places.map(mean), largest)
}
