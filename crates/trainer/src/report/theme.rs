//! One look for all pictures: colours by name, light and dark.

/// Each colour's name, its light and its dark value. Series colours follow Okabe and Ito, which colour-blind people
/// tell apart, darkened or lightened to stand out from the ground.
const COLOURS: [(&str, &str, &str); 18] = [
    ("page", "#f4f5f7", "#0f1216"),
    ("card", "#ffffff", "#181c22"),
    ("ink", "#1b1f24", "#e6e9ee"),
    ("muted", "#5b6470", "#9aa4b1"),
    ("grid", "#e3e6ea", "#2b313a"),
    ("axis", "#a9b0ba", "#4d5663"),
    ("right", "#0b62b0", "#58a6ff"),
    ("wrong", "#c2410c", "#ff9248"),
    ("bar", "#4a7fb5", "#5b93cf"),
    ("code", "#f4f5f7", "#11151a"),
    ("s0", "#0b62b0", "#58a6ff"),
    ("s1", "#d05a00", "#ff9f45"),
    ("s2", "#00805c", "#35c99a"),
    ("s3", "#a8407f", "#e58cc0"),
    ("s4", "#8a6d00", "#e3c94a"),
    ("s5", "#2790b8", "#7fd4f5"),
    ("s6", "#5f4bb6", "#b3a4ff"),
    ("s7", "#6b7280", "#b6bec9"),
];

/// Series colours in [`COLOURS`].
pub(super) const SERIES: usize = 8;

/// The rules by which the parts of a chart are drawn, in terms of the colours' names.
const CHART: &str = include_str!("chart.css");

/// For a page: the colours as variables, which follow the reader's preference until `data-theme` says otherwise; and
/// the rules of charts.
pub(super) fn for_page() -> String {
    let list = |dark: bool| -> String {
        COLOURS.iter().map(|(name, l, d)| format!("--{name}:{};", if dark { d } else { l })).collect()
    };
    let (light, dark) = (list(false), list(true));
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         :root[data-theme=dark]{{color-scheme:dark;{dark}}}\n{CHART}"
    )
}

/// For a picture on its own: plain colours, because not every viewer knows variables, and dark ones for those that know
/// the reader's preference.
pub(super) fn for_picture() -> String {
    let fill = |dark: bool| {
        COLOURS.iter().fold(CHART.to_owned(), |css, (name, l, d)| {
            css.replace(&format!("var(--{name})"), if dark { d } else { l })
        })
    };
    format!("{}@media (prefers-color-scheme: dark) {{\n{}}}\n", fill(false), fill(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_on_its_own_needs_no_variables() {
        let css = for_picture();
        assert!(!css.contains("var("), "a colour that is not in the table: {css}");
        assert!(css.contains("#58a6ff") && css.contains("#0b62b0"));
    }

    #[test]
    fn every_series_has_a_colour_and_a_rule() {
        for i in 0..SERIES {
            assert!(COLOURS.iter().any(|(name, ..)| *name == format!("s{i}")));
            assert!(CHART.contains(&format!(".s{i} ")), "s{i}");
        }
    }
}
