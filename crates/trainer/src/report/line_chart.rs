//! Curves over time.

use maud::{Markup, html};
use serde_json::json;

use super::chart::{Chart, in_lines, shortened, text_width};
use super::number::{Px, count, rounded};
use super::scale::Scale;
use super::theme;
use super::thin::{running_mean, thin};

const WIDTH: f64 = 560.0;
const PLOT: (f64, f64, f64, f64) = (84.0, 84.0, 530.0, 312.0); // left, top, right, bottom
const HEIGHT: f64 = 360.0;
/// How far the label of the vertical axis may reach beyond it at both ends: below the legend, above the edge.
const OVERHANG: f64 = 12.0;
const LEGEND_ROW: f64 = 18.0;
/// Columns in which points are thinned: half a pixel each on a wide screen.
const COLUMNS: usize = 300;
/// From so many points on, a line is drawn faintly and its running mean strongly.
const NOISY: usize = 400;
/// With fewer points each is marked.
const SPARSE: usize = 30;

/// A line of a chart.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    /// Ascending in x; points that are not finite are left out.
    pub(super) points: Vec<(f64, f64)>,
}

/// What the vertical axis has to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Vertical {
    /// The values; from 0 if they are positive and within two decades, else by their logarithm.
    Positive,
    /// Shares, from 0 to 1 at most, in per cent.
    Share,
}

/// Curves over steps or epochs.
#[derive(Clone, Debug)]
pub(super) struct LineChart {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) vertical: Vertical,
    pub(super) series: Vec<Series>,
}

impl LineChart {
    pub(super) fn draw(self) -> Chart {
        let unit = if self.vertical == Vertical::Share { 100.0 } else { 1.0 };
        let series: Vec<Series> = self.series.iter().map(|series| series.finite(unit)).collect();
        let (legend, legend_height) = legend(&series);
        let (left, top, right, bottom) = PLOT;
        let (top, bottom) = (top + legend_height, bottom + legend_height);
        let all = || series.iter().flat_map(|s| s.points.iter().copied());
        let x = Scale::over(all().map(|p| p.0), (left, right));
        let y = vertical(self.vertical, all().map(|p| p.1), (bottom, top));
        let lines: Vec<_> = series.iter().map(|series| Line::new(&series.points)).collect();
        let log = if y.log { ", logarithmic" } else { "" };
        let body = html! {
            (legend)
            (axes(&x, &y, &self.x_label, &format!("{}{log}", self.y_label)))
            @if all().next().is_none() {
                text .note x=(Px((left + right) / 2.0)) y=(Px((top + bottom) / 2.0)) text-anchor="middle" {
                    "no values"
                }
            }
            @for (i, line) in lines.iter().enumerate() { (line.draw(i, &x, &y)) }
        };
        Chart {
            id: self.id,
            note: lines.iter().map(Line::note).max_by_key(String::len).unwrap_or_default(),
            hover: Some(hover(&self, &series, &lines, &x, &y)),
            title: self.title,
            width: WIDTH,
            height: HEIGHT + legend_height,
            body,
        }
    }
}

impl Series {
    fn finite(&self, unit: f64) -> Series {
        let finite = self.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        Series { name: self.name.clone(), points: finite.map(|&(x, y)| (x, y * unit)).collect() }
    }
}

/// The points of a series as they are drawn.
struct Line {
    records: usize,
    points: Vec<(f64, f64)>,
    /// The running mean and the records it is over.
    mean: Option<(usize, Vec<(f64, f64)>)>,
}

impl Line {
    fn new(points: &[(f64, f64)]) -> Line {
        let window = points.len() / 100 / 2 * 2 + 1;
        let mean = (points.len() >= NOISY).then(|| (window, thin(&running_mean(points, window), COLUMNS)));
        Line { records: points.len(), points: thin(points, COLUMNS), mean }
    }

    fn note(&self) -> String {
        let thinned = match (self.points.len(), self.records) {
            (drawn, all) if drawn < all => {
                format!("{} records; of each pixel column the extremes are drawn", count(all as u64))
            }
            (_, all) => format!("{} records", count(all as u64)),
        };
        match &self.mean {
            Some((window, _)) => format!("{thinned}; strong: mean of {window}"),
            None => thinned,
        }
    }

    fn draw(&self, i: usize, x: &Scale, y: &Scale) -> Markup {
        let class = colour(i);
        html! {
            g class=(class) {
                @match &self.mean {
                    Some((_, mean)) => {
                        polyline .raw points=(path(&self.points, x, y)) {}
                        polyline .line points=(path(mean, x, y)) {}
                    }
                    None => polyline .line points=(path(&self.points, x, y)) {}
                }
                @if self.points.len() < SPARSE {
                    @for &(px, py) in &self.points { circle .dot cx=(Px(x.at(px))) cy=(Px(y.at(py))) r="3" {} }
                }
            }
        }
    }
}

fn colour(i: usize) -> String {
    let dashed = if i / theme::SERIES % 2 == 1 { " dashed" } else { "" };
    format!("s{}{dashed}", i % theme::SERIES)
}

fn path(points: &[(f64, f64)], x: &Scale, y: &Scale) -> String {
    let pairs = points.iter().map(|&(px, py)| format!("{},{}", Px(x.at(px)), Px(y.at(py))));
    pairs.collect::<Vec<_>>().join(" ")
}

fn vertical(kind: Vertical, values: impl Iterator<Item = f64> + Clone, pixels: (f64, f64)) -> Scale {
    let scale = Scale::over(values.clone(), pixels);
    match kind {
        Vertical::Share => {
            let nice = scale.nice(5);
            Scale { high: nice.high.min(100.0), ..nice }
        }
        Vertical::Positive if scale.low < 0.0 => scale.nice(5),
        Vertical::Positive if scale.low > 0.0 && scale.high > 100.0 * scale.low => {
            Scale { log: true, ..scale }.nice(5)
        }
        Vertical::Positive => Scale { low: 0.0, ..scale }.nice(5),
    }
}

fn axes(x: &Scale, y: &Scale, x_label: &str, y_label: &str) -> Markup {
    let (left, right) = x.pixels;
    let (bottom, top) = y.pixels;
    let middle = (top + bottom) / 2.0;
    let y_lines = in_lines(y_label, bottom - top + 2.0 * OVERHANG);
    let y_places = if y_lines.len() == 1 { [16.0, 16.0] } else { [26.0, 12.0] };
    html! {
        @for tick in y.ticks(6) {
            line .grid x1=(Px(left)) x2=(Px(right)) y1=(Px(tick.pixel)) y2=(Px(tick.pixel)) {}
            text .tick x=(Px(left - 8.0)) y=(Px(tick.pixel + 4.0)) text-anchor="end" { (tick.label) }
        }
        @for tick in x.ticks(6) {
            line .axis x1=(Px(tick.pixel)) x2=(Px(tick.pixel)) y1=(Px(bottom)) y2=(Px(bottom + 4.0)) {}
            text .tick x=(Px(tick.pixel)) y=(Px(bottom + 19.0)) text-anchor="middle" { (tick.label) }
        }
        line .axis x1=(Px(left)) x2=(Px(right)) y1=(Px(bottom)) y2=(Px(bottom)) {}
        text .label x=(Px((left + right) / 2.0)) y=(Px(bottom + 39.0)) text-anchor="middle" { (x_label) }
        @for (line, x) in y_lines.iter().rev().zip(y_places) {
            text .label transform={ "translate(" (Px(x)) " " (Px(middle)) ") rotate(-90)" } text-anchor="middle" { (line) }
        }
    }
}

/// The names of the series in rows, and the height of the rows after the first.
fn legend(series: &[Series]) -> (Markup, f64) {
    let (mut x, mut row) = (16.0, 0);
    let mut places = Vec::new();
    for (i, series) in series.iter().enumerate() {
        let name = shortened(&series.name, 60);
        let width = 36.0 + text_width(&name);
        if x + width > WIDTH - 8.0 && x > 16.0 {
            (x, row) = (16.0, row + 1);
        }
        places.push((i, name, x, 62.0 + LEGEND_ROW * f64::from(row)));
        x += width;
    }
    let markup = html! {
        @for (i, name, x, y) in places {
            g class=(colour(i)) {
                line .line x1=(Px(x)) x2=(Px(x + 18.0)) y1=(Px(y - 4.0)) y2=(Px(y - 4.0)) {}
                text x=(Px(x + 24.0)) y=(Px(y)) { (name) }
            }
        }
    };
    (markup, LEGEND_ROW * f64::from(row))
}

/// What a page needs to show the values below the pointer: the drawn points, not the pixels.
fn hover(chart: &LineChart, series: &[Series], lines: &[Line], x: &Scale, y: &Scale) -> String {
    let axis =
        |scale: &Scale| json!({ "low": scale.low, "high": scale.high, "log": scale.log, "px": scale.pixels });
    let lines = series.iter().zip(lines).enumerate().map(|(i, (series, line))| {
        json!({
            "name": series.name,
            "class": colour(i),
            "x": line.points.iter().map(|p| p.0).collect::<Vec<_>>(),
            "y": line.points.iter().map(|p| rounded(p.1)).collect::<Vec<_>>(),
        })
    });
    json!({
        "label": chart.x_label,
        "unit": if chart.vertical == Vertical::Share { " %" } else { "" },
        "x": axis(x),
        "y": axis(y),
        "series": lines.collect::<Vec<_>>(),
    })
    .to_string()
}
