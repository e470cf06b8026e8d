//! Text in columns, as a terminal shows it.

use std::fmt;

/// Rows of cells under a head; the first columns to the left, the others, which are numbers, to the right.
///
/// # Examples
///
/// ```
/// use trainer::Table;
///
/// let mut table = Table::new(1, ["layer", "parameters"]);
/// table.row(["affine", "39,250"]);
/// table.row(["relu", "0"]);
/// assert_eq!(table.to_string(), "layer   parameters\naffine      39,250\nrelu             0\n");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head and no rows yet, of which `left` columns are text.
    pub fn new<S: Into<String>>(left: usize, head: impl IntoIterator<Item = S>) -> Self {
        let mut table = Table { left, rows: Vec::new() };
        table.row(head);
        table
    }

    /// Adds a row. Characters that would move a terminal's cursor are written as escapes.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|cell| printable(cell.into())).collect());
    }
}

impl Table {
    /// The table as CSV: a cell with a comma or a quote stands in quotes.
    pub fn to_csv(&self) -> String {
        let field = |cell: &String| match cell.contains([',', '"']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        };
        self.rows.iter().map(|row| row.iter().map(field).collect::<Vec<_>>().join(",") + "\n").collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> =
            (0..columns).map(|i| self.rows.iter().map(|row| width(row, i)).max().unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                line += if i == 0 { "" } else { "  " };
                line += &if i < self.left { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn width(row: &[String], column: usize) -> usize {
    row.get(column).map_or(0, |cell| cell.chars().count())
}

fn printable(cell: String) -> String {
    if cell.chars().any(char::is_control) { cell.escape_debug().to_string() } else { cell }
}

/// Four decimals, or four digits and an exponent where that would show too little or too much.
///
/// For losses and errors, which may be of any size.
///
/// # Examples
///
/// ```
/// use trainer::four_digits;
///
/// assert_eq!([0.29013, 12.3, 0.0].map(four_digits), ["0.2901", "12.3000", "0.0000"]);
/// assert_eq!([3.1e-5, -2.29768e29].map(four_digits), ["3.100e-5", "-2.298e29"]);
/// ```
pub fn four_digits(x: f64) -> String {
    let fits = x == 0.0 || !x.is_finite() || (1e-3..1e6).contains(&x.abs());
    if fits { format!("{x:.4}") } else { format!("{x:.3e}") }
}

/// `1,797`
pub(crate) fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// Digits with a comma before every three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(1, ["", "Ω", "long head"]);
        table.row(["Ärmel", "12"]);
        table.row(["a", "3", "4"]);
        assert_eq!(table.to_string(), "        Ω  long head\nÄrmel  12\na       3          4\n");
    }

    #[test]
    fn a_cell_with_a_comma_or_a_quote_is_quoted_in_csv() {
        let mut table = Table::new(1, ["class", "probability"]);
        table.row(["T-shirt, \"top\"", "0.5"]);
        assert_eq!(table.to_csv(), "class,probability\n\"T-shirt, \"\"top\"\"\",0.5\n");
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        let mut table = Table::new(1, ["class"]);
        table.row(["\u{1b}[2Jcat\n"]);
        assert_eq!(table.to_string(), "class\n\\u{1b}[2Jcat\\n\n");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([1, 999, 1_000, 1_234_567].map(count), ["1", "999", "1,000", "1,234,567"]);
    }
}
