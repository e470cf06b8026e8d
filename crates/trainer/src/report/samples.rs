//! A grid of examples with their labels.

use datasets::{Dataset, Targets};
use maud::{Markup, html};

use super::chart::{Chart, shortened};
use super::images::{ImageShape, rasters};
use super::number::{Px, short};
use super::raster::Raster;

const COLUMNS: usize = 10;
const ROWS: usize = 4;
const TILE: f64 = 50.0;
const GAP: f64 = 4.0;
const LABEL: f64 = 19.0;

/// Examples of each class in turn: with ten classes a column is a class.
pub(super) fn chart(data: &Dataset, shape: ImageShape) -> Chart {
    let indices = in_turn(data, COLUMNS * ROWS);
    let labels: Vec<String> = indices.iter().map(|&i| label(data, i)).collect();
    let rasters = rasters(&data.features, shape, &indices);
    let (column, row) = (TILE + GAP, TILE + GAP + LABEL);
    let body = html! {
        @for (i, (raster, label)) in rasters.iter().zip(&labels).enumerate() {
            @let (x, y) = (12.0 + column * (i % COLUMNS) as f64, 56.0 + row * (i / COLUMNS) as f64);
            (tile(raster, x, y, TILE))
            text .label x=(Px(x + TILE / 2.0)) y=(Px(y + TILE + 15.0)) text-anchor="middle" data-tip=(label) {
                (shortened(label, 7))
            }
        }
    };
    let rows = indices.len().div_ceil(COLUMNS) as f64;
    let ImageShape { channels, height, width } = shape;
    let colours = if channels == 1 { String::new() } else { format!(" in {channels} channels") };
    Chart {
        id: "samples",
        title: "Training examples".into(),
        note: format!("{width} x {height} pixels{colours}; below each its label"),
        width: 20.0 + column * COLUMNS as f64,
        height: 60.0 + row * rows,
        body,
        hover: None,
    }
}

/// A raster in a square of this side, its proportions kept.
pub(super) fn tile(raster: &Raster, x: f64, y: f64, side: f64) -> Markup {
    html! {
        image .pixels x=(Px(x)) y=(Px(y)) width=(Px(side)) height=(Px(side)) href=(raster.to_uri()) {}
    }
}

/// The class of an example, or its first value.
pub(super) fn label(data: &Dataset, i: usize) -> String {
    match &data.targets {
        Targets::Classes(labels) => data.class_names.get(labels[i]).cloned().unwrap_or_default(),
        Targets::Values(values) => values.row(i).first().map_or_else(String::new, |&v| short(v)),
    }
}

/// The indices of up to `n` examples: the first of each class, the second of each, and so on.
fn in_turn(data: &Dataset, n: usize) -> Vec<usize> {
    let Some(labels) = data.targets.classes() else { return (0..n.min(data.len())).collect() };
    let mut seen = vec![0; data.n_classes()];
    let mut turns: Vec<(usize, usize, usize)> = labels
        .iter()
        .enumerate()
        .map(|(i, &label)| {
            seen[label] += 1;
            (seen[label], label, i)
        })
        .collect();
    turns.sort_unstable();
    turns.into_iter().take(n).map(|(_, _, i)| i).collect()
}

#[cfg(test)]
mod tests {
    use datasets::Features;
    use ndarray::Array;

    use super::*;

    #[test]
    fn classes_take_turns() {
        let features = Features::U8(Array::zeros(vec![6, 2, 2]));
        let data = Dataset::new(features, Targets::Classes(vec![1, 1, 0, 2, 0, 1]), vec![]).unwrap();
        assert_eq!(in_turn(&data, 40), [2, 0, 3, 4, 1, 5]);
        assert_eq!(in_turn(&data, 2), [2, 0]);
    }
}
