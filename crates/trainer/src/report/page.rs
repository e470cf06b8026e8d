//! Pages: one file with style and script inside, that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Chart, clean};
use super::theme;

/// A page of its sections.
pub(super) fn page(title: &str, head: &Markup, sections: &[Markup]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Whatever a text might smuggle in: nothing is loaded from anywhere.
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                title { (title) }
                style { (PreEscaped(theme::for_page())) (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    div { h1 { (title) } (head) }
                    button #theme type="button" { "light / dark" }
                }
                main { @for section in sections { (section) } }
                div #tip hidden {}
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    clean(&page.into_string())
}

/// A chart in its frame.
pub(super) fn chart_card(chart: &Chart) -> Markup {
    html! { section .card { div .scroll { (chart.inline()) } } }
}

/// Anything else in its frame; `wide` for the whole width of the page.
pub(super) fn card(id: &str, title: &str, note: &str, wide: bool, body: &Markup) -> Markup {
    html! {
        section .card .wide[wide] #(id) {
            h2 { (title) }
            @if !note.is_empty() { p .note { (note) } }
            (body)
        }
    }
}

/// A table that scrolls inside its frame; the first column is text, the others are numbers.
pub(super) fn table(head: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div .scroll .tall {
            table {
                thead { tr { @for cell in head { th { (cell) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// A share as a bar with its number.
pub(super) fn bar(share: f64, text: &str) -> Markup {
    let width = format!("width:{:.1}%", 100.0 * share.clamp(0.0, 1.0));
    html! { span .meter { span style=(width) {} } (text) }
}
