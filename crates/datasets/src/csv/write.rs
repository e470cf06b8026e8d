//! Writing CSV.

use std::fmt::Write as _;
use std::io::Write;

use crate::dataset::each;
use crate::{Dataset, Error, Targets};

/// Writes a data set with a header: the class, or the values, and then the numbers of an example in their order.
///
/// The columns are `label`, or `y0`, `y1` and so on, and `x0`, `x1` and so on. Floats have as many digits as are needed
/// to read the same float again. Class names are not written: classes are their index.
///
/// # Errors
///
/// [`Error::NotFinite`] at the first example with a number that no reader would take; [`Error::Io`] if the writer fails.
///
/// # Examples
///
/// ```
/// use datasets::{Dataset, Features, Targets, csv};
/// use ndarray::array;
///
/// let features = Features::F32(array![[0.1, 2.0], [-3.0, 1e-9]].into_dyn());
/// let data = Dataset::new(features, Targets::Classes(vec![1, 0]), vec![])?;
/// let mut text = vec![];
/// csv::write(&mut text, &data)?;
/// assert_eq!(text, b"label,x0,x1\n1,0.1,2\n0,-3,0.000000001\n");
/// assert_eq!(csv::parse(&text, &csv::Options::default())?, data);
/// # Ok::<(), datasets::Error>(())
/// ```
pub fn write(mut out: impl Write, data: &Dataset) -> Result<(), Error> {
    let mut line = header(data);
    out.write_all(line.as_bytes())?;
    for i in 0..data.len() {
        line.clear();
        if !is_finite(data, i) {
            return Err(Error::NotFinite { example: i });
        }
        let text = "writing to a string cannot fail";
        match &data.targets {
            Targets::Classes(labels) => write!(line, "{},", labels[i]).expect(text),
            Targets::Values(values) => values.row(i).iter().for_each(|x| write!(line, "{x},").expect(text)),
        }
        each!(&data.features, x => for x in x.index_axis(ndarray::Axis(0), i) {
            write!(line, "{x},").expect(text);
        });
        end_line(&mut line);
        out.write_all(line.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// Whether all numbers of an example are.
fn is_finite(data: &Dataset, example: usize) -> bool {
    let targets = match &data.targets {
        Targets::Classes(_) => true,
        Targets::Values(values) => values.row(example).iter().all(|x| x.is_finite()),
    };
    targets && each!(&data.features, x => are_finite(x.index_axis(ndarray::Axis(0), example).iter()))
}

fn are_finite<'a, A: Copy + Into<f64> + 'a>(mut numbers: impl Iterator<Item = &'a A>) -> bool {
    numbers.all(|&x| x.into().is_finite())
}

fn header(data: &Dataset) -> String {
    let mut line = match &data.targets {
        Targets::Classes(_) => "label,".to_owned(),
        Targets::Values(values) => (0..values.ncols()).map(|i| format!("y{i},")).collect(),
    };
    (0..data.features.width()).for_each(|i| line.push_str(&format!("x{i},")));
    end_line(&mut line);
    line
}

fn end_line(line: &mut String) {
    line.pop();
    line.push('\n');
}
