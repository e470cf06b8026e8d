//! What all charts share: a size, a title, and two ways out, as part of a page and as a file.

use maud::{Markup, PreEscaped, html};

use super::number::Px;
use super::theme;

/// A drawn chart.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// By which a page refers to it.
    pub(super) id: &'static str,
    /// What it shows; drawn at the top.
    pub(super) title: String,
    /// What else there is to know; drawn below the title.
    pub(super) note: String,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Everything below title and note, in SVG.
    pub(super) body: Markup,
    /// For lines: the values behind them as JSON, for a page to show beside the pointer.
    pub(super) hover: Option<String>,
}

impl Chart {
    /// As an element of a page, whose style it takes.
    pub(super) fn inline(&self) -> Markup {
        html! {
            svg #(self.id) .chart role="img" aria-label=(self.title) data-hover=[self.hover.as_ref()]
                viewBox={ "0 0 " (Px(self.width)) " " (Px(self.height)) } { (self.drawn()) }
        }
    }

    fn drawn(&self) -> Markup {
        html! {
            text .title x="16" y="24" { (self.title) }
            text .note x="16" y="42" { (self.note) }
            (self.body)
        }
    }
}

/// Charts beside each other as a file of their own.
pub(super) fn to_svg(charts: &[Chart]) -> String {
    let width: f64 = charts.iter().map(|chart| chart.width).sum();
    let height = charts.iter().map(|chart| chart.height).fold(0.0, f64::max);
    let mut left = 0.0;
    let svg = html! {
        svg .chart xmlns="http://www.w3.org/2000/svg" width=(Px(width)) height=(Px(height))
            viewBox={ "0 0 " (Px(width)) " " (Px(height)) } {
            style { (PreEscaped(theme::for_picture())) }
            rect .paper width=(Px(width)) height=(Px(height)) {}
            @for chart in charts {
                g #(chart.id) transform={ "translate(" (Px(left)) " 0)" } { (chart.drawn()) }
                ({ left += chart.width; "" })
            }
        }
    };
    clean(&svg.into_string()) + "\n"
}

/// The width of a text in pixels, about: what a legend needs to know without a font.
pub(super) fn text_width(text: &str) -> f64 {
    7.3 * text.chars().count() as f64
}

/// The text in two lines if it is wider than `room` pixels; what still does not fit is left out from the middle of a line.
pub(super) fn in_lines(text: &str, room: f64) -> Vec<String> {
    if text_width(text) <= room {
        return vec![text.to_owned()];
    }
    let middle = text.len() / 2;
    let spaces = text.match_indices(' ').map(|(at, _)| at);
    let lines = match spaces.min_by_key(|at| at.abs_diff(middle)) {
        Some(at) => vec![&text[..at], &text[at + 1..]],
        None => vec![text],
    };
    let fit = (room / text_width("x")) as usize;
    lines.into_iter().map(|line| shortened(line, fit)).collect()
}

/// The text with at most `n` characters, the middle left out.
pub(super) fn shortened(text: &str, n: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= n {
        return text.to_owned();
    }
    let keep = n.saturating_sub(1);
    let (head, tail) = (&chars[..keep.div_ceil(2)], &chars[chars.len() - keep / 2..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// A document without characters that XML cannot hold, whoever put them there: they become the sign for what cannot be
/// shown.
pub(super) fn clean(text: &str) -> String {
    let legal = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    text.chars()
        .map(|c| if legal(c) && !matches!(c, '\u{fffe}' | '\u{ffff}') { c } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_of_any_length_keeps_to_its_room() {
        assert_eq!(in_lines("mean loss", 100.0), ["mean loss"]);
        assert_eq!(in_lines("norm of the change in a step", 120.0), ["norm of the", "change in a step"]);
        for text in ["x".repeat(90), "word ".repeat(40), "ä ö".repeat(50)] {
            let lines = in_lines(&text, 200.0);
            assert!(lines.len() <= 2 && lines.iter().all(|line| text_width(line) <= 200.0), "{lines:?}");
        }
    }
}
