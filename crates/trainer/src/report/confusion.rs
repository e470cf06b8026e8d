//! The confusion matrix as a heat map.

use maud::html;
use ndarray::Array2;

use super::chart::{Chart, shortened, text_width};
use super::number::{Px, count, percent};

/// The side of the matrix in pixels, about.
const SIDE: f64 = 420.0;
const CELL: (f64, f64) = (4.0, 44.0);
/// Cells at least so wide have room for a name beside them, and for a number in them.
const NAMED: f64 = 11.0;
const NUMBERED: f64 = 24.0;

/// Rows are truths, columns are guesses; the stronger a cell, the larger its share of its row.
pub(super) fn chart(confusion: &Array2<u64>, names: &[String]) -> Chart {
    let k = confusion.nrows();
    let cell = (SIDE / k.max(1) as f64).clamp(CELL.0, CELL.1);
    let name = |i: usize| names.get(i).map_or_else(|| i.to_string(), |name| shortened(name, 14));
    let widest = (0..k).map(|i| text_width(&name(i))).fold(0.0, f64::max);
    let margin = if cell >= NAMED { widest + 14.0 } else { 8.0 };
    let upright = widest <= cell || cell < NAMED;
    let head = if cell < NAMED {
        8.0
    } else if upright {
        22.0
    } else {
        widest + 12.0
    };
    let (left, top) = (30.0 + margin, 72.0 + head);
    let side = cell * k as f64;
    let truths = confusion.sum_axis(ndarray::Axis(1));
    let body = html! {
        text .label x=(Px(left + side / 2.0)) y="66" text-anchor="middle" { "guess" }
        text .label transform={ "translate(22 " (Px(top + side / 2.0)) ") rotate(-90)" } text-anchor="middle" { "truth" }
        rect .ground x=(Px(left)) y=(Px(top)) width=(Px(side)) height=(Px(side)) {}
        @for i in (0..k).filter(|_| cell >= NAMED) {
            @let at = (i as f64 + 0.5) * cell;
            text .tick x=(Px(left - 8.0)) y=(Px(top + at + 4.5)) text-anchor="end" { (name(i)) }
            @if upright {
                text .tick x=(Px(left + at)) y=(Px(top - 8.0)) text-anchor="middle" { (name(i)) }
            } @else {
                text .tick transform={ "translate(" (Px(left + at + 4.5)) " " (Px(top - 8.0)) ") rotate(-90)" } { (name(i)) }
            }
        }
        @for ((truth, guess), &n) in confusion.indexed_iter().filter(|(_, n)| **n > 0) {
            @let share = n as f64 / truths[truth] as f64;
            @let (x, y) = (left + guess as f64 * cell, top + truth as f64 * cell);
            @let kind = if truth == guess { "right" } else { "wrong" };
            @let full = |i: usize| names.get(i).cloned().unwrap_or_else(|| i.to_string());
            rect class={ "cell " (kind) } x=(Px(x)) y=(Px(y)) width=(Px(cell)) height=(Px(cell))
                fill-opacity=(Px(strength(share)))
                data-tip={ "truth " (full(truth)) ", guess " (full(guess)) ": " (count(n)) " (" (percent(share)) ")" } {}
            @if cell >= NUMBERED {
                text class={ "number " (if strength(share) > 0.6 { "on" } else { "off" }) }
                    x=(Px(x + cell / 2.0)) y=(Px(y + cell / 2.0 + 4.5)) text-anchor="middle" { (n) }
            }
        }
    };
    Chart {
        id: "confusion",
        title: "Confusion matrix".into(),
        note: "test examples by truth and guess; the stronger, the larger the share of its row".into(),
        width: (left + side + 16.0).max(560.0),
        height: top + side + 16.0,
        body,
        hover: None,
    }
}

/// The square root, so that a share of 1 % can be seen; never quite invisible.
fn strength(share: f64) -> f64 {
    share.sqrt().max(0.12)
}
