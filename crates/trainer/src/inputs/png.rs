//! Examples as images in PNG files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use datasets::{Dataset, Scaling};
use ndarray::{ArrayD, IxDyn};
use png::{ColorType, Decoder, Transformations};
use tensor_ops::Scalar;

use super::{shaped, stacked, unlabelled};
use crate::{Error, Model};

/// The parts of red, green and blue in grey: ITU-R BT.601, as in most programs.
const GREY: [f64; 3] = [0.299, 0.587, 0.114];

/// What an image is for a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PngForm {
    /// Height and width, for a model that takes rows of numbers; without, rows of a square number are square images.
    pub size: Option<[usize; 2]>,
    /// The number that white stands for in the data that the model was trained on; black is 0.
    pub white: f64,
}

impl Default for PngForm {
    fn default() -> Self {
        PngForm { size: None, white: 255.0 }
    }
}

/// The number that white most likely stands for in data that are scaled so: what a constant other than 1 scales to 1, and
/// 255 where nothing can be told.
///
/// # Examples
///
/// ```
/// use datasets::Scaling;
/// use trainer::inputs::white_of;
///
/// assert_eq!(white_of(&Scaling::by_constant(1.0 / 16.0)), 16.0);
/// assert_eq!(white_of(&Scaling::none()), 255.0);
/// ```
pub fn white_of(scaling: &Scaling) -> f64 {
    match *scaling {
        Scaling::Uniform { shift: 0.0, factor } if factor != 1.0 && (1.0 / factor).is_normal() => {
            1.0 / factor
        }
        _ => PngForm::default().white,
    }
}

/// Reads images, one example a file: as grey values, or as red, green and blue for a model that takes three channels.
///
/// # Errors
///
/// [`Error::Input`] if a file is no image, of another size than the model takes, or partly transparent; or if the model
/// takes no images. [`Error::Io`] if a file cannot be read.
pub fn read_png<T: Scalar>(model: &Model<T>, paths: &[&Path], form: &PngForm) -> Result<Dataset, Error> {
    let first = paths.first().copied().unwrap_or(Path::new(""));
    let Some(shape) = image_shape(model.input_shape(), form.size) else {
        let got = format!("a model that takes examples of shape {:?}", model.input_shape());
        return Err(fault(first, "a model that takes images of one or three channels", got));
    };
    let images = paths.iter().map(|path| read(path, shape, form.white)).collect::<Result<Vec<_>, _>>()?;
    let features = stacked(images).ok_or(datasets::Error::NoExamples)?;
    shaped(model, unlabelled(features)?, first)
}

/// Channels, height and width.
fn image_shape(example: &[usize], given: Option<[usize; 2]>) -> Option<[usize; 3]> {
    let shape = match (given, example) {
        (None, &[height, width]) => [1, height, width],
        (None, &[channels, height, width]) => [channels, height, width],
        (Some([height, width]), _) => {
            let numbers = example.iter().product::<usize>();
            [numbers / (height.checked_mul(width)?).max(1), height, width]
        }
        (None, &[numbers]) => [1, numbers.isqrt(), numbers.isqrt()],
        _ => return None,
    };
    let fits = shape.iter().product::<usize>() == example.iter().product::<usize>();
    (fits && [1, 3].contains(&shape[0])).then_some(shape)
}

fn fault(path: &Path, expected: &str, got: String) -> Error {
    Error::Input { path: path.to_owned(), at: String::new(), expected: expected.into(), got }
}

fn read(path: &Path, [channels, height, width]: [usize; 3], white: f64) -> Result<ArrayD<f32>, Error> {
    let no_image = |error: png::DecodingError| match error {
        png::DecodingError::IoError(source) => Error::Io { path: path.to_owned(), action: "read", source },
        error => fault(path, "a PNG image", format!("something else: {error}")),
    };
    let file =
        File::open(path).map_err(|source| Error::Io { path: path.to_owned(), action: "read", source })?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(no_image)?;
    let (w, h) = (reader.info().width as usize, reader.info().height as usize);
    // Asked before there is memory for the pixels: a file may claim any size.
    if (w, h) != (width, height) {
        let expected = format!("an image of {width} x {height} pixels, as it is not resized");
        return Err(fault(path, &expected, format!("{w} x {h}")));
    }
    let (colour, _) = reader.output_color_type();
    let mut pixels = vec![0; width * height * colour.samples()];
    reader.next_frame(&mut pixels).map_err(no_image)?;
    let opaque = match colour {
        ColorType::GrayscaleAlpha | ColorType::Rgba => {
            pixels.chunks_exact(colour.samples()).all(|pixel| pixel.last() == Some(&255))
        }
        _ => true,
    };
    if !opaque {
        return Err(fault(path, "an image without transparency", "one with transparent pixels".into()));
    }
    let value = |channel: usize, pixel: &[u8]| {
        let sample = match (pixel, channels) {
            (&[grey] | &[grey, _], _) => f64::from(grey),
            (rgb, 3) => f64::from(rgb[channel]),
            (rgb, _) => {
                rgb.iter().zip(GREY).map(|(&sample, part)| f64::from(sample) * part).sum::<f64>().round()
            }
        };
        (sample / 255.0 * white) as f32
    };
    let planes = (0..channels)
        .flat_map(|channel| pixels.chunks_exact(colour.samples()).map(move |pixel| value(channel, pixel)));
    let shape = IxDyn(&[channels, height, width]);
    Ok(ArrayD::from_shape_vec(shape, planes.collect()).expect("as many pixels as the size says"))
}

#[cfg(test)]
mod tests {
    use layers::{Affine, Sequential};

    use super::*;

    fn model(shape: &[usize]) -> Model<f32> {
        let width = shape.iter().product();
        Model::new(Sequential::new(shape).push(Affine::new(width, 2)).unwrap(), 1).unwrap()
    }

    /// An image of 2 x 2 pixels, or of 3 x 1.
    fn written(name: &str, colour: ColorType, size: [u32; 2], samples: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("trainer-inputs-{}-{name}.png", std::process::id()));
        let mut encoder = png::Encoder::new(File::create(&path).unwrap(), size[0], size[1]);
        encoder.set_color(colour);
        encoder.write_header().unwrap().write_image_data(samples).unwrap();
        path
    }

    fn numbers(shape: &[usize], path: &Path, form: &PngForm) -> Result<Vec<f32>, String> {
        let read = read_png(&model(shape), &[path], form);
        let read = read.map_err(|error| error.to_string().replace(&path.display().to_string(), "f.png"));
        std::fs::remove_file(path).unwrap();
        let datasets::Features::F32(x) = read?.features else { panic!("floats") };
        Ok(x.into_iter().collect())
    }

    #[test]
    fn grey_stays_grey_and_colour_becomes_grey_or_three_planes() {
        let grey = || written("grey", ColorType::Grayscale, [2, 2], &[0, 51, 102, 255]);
        let to_16 = PngForm { white: 16.0, ..PngForm::default() };
        assert_eq!(numbers(&[4], &grey(), &PngForm::default()).unwrap(), [0.0, 51.0, 102.0, 255.0]);
        assert_eq!(numbers(&[1, 2, 2], &grey(), &to_16).unwrap(), [0.0, 3.2, 6.4, 16.0]);
        let samples = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
        let colour = |name| written(name, ColorType::Rgb, [2, 2], &samples);
        assert_eq!(numbers(&[2, 2], &colour("rgb"), &PngForm::default()).unwrap(), [76.0, 150.0, 29.0, 9.0]);
        let planes = numbers(&[3, 2, 2], &colour("planes"), &PngForm::default()).unwrap();
        assert_eq!(planes, [255.0, 0.0, 0.0, 9.0, 0.0, 255.0, 0.0, 9.0, 0.0, 0.0, 255.0, 9.0]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let wide = written("wide", ColorType::Grayscale, [3, 1], &[0, 1, 2]);
        assert_eq!(
            numbers(&[4], &wide, &PngForm::default()).unwrap_err(),
            "f.png: expected an image of 2 x 2 pixels, as it is not resized, got 3 x 1"
        );
        let clear = written("clear", ColorType::GrayscaleAlpha, [2, 1], &[0, 255, 0, 7]);
        let form = PngForm { size: Some([1, 2]), ..PngForm::default() };
        assert_eq!(
            numbers(&[2], &clear, &form).unwrap_err(),
            "f.png: expected an image without transparency, got one with transparent pixels"
        );
        let text = std::env::temp_dir().join(format!("trainer-inputs-{}-text.png", std::process::id()));
        std::fs::write(&text, "label,a\n").unwrap();
        assert!(
            numbers(&[4], &text, &PngForm::default()).unwrap_err().starts_with("f.png: expected a PNG image")
        );
        let row = written("row", ColorType::Grayscale, [3, 1], &[0, 1, 2]);
        let error = numbers(&[3], &row, &PngForm::default()).unwrap_err();
        assert!(error.ends_with("got a model that takes examples of shape [3]"), "{error}");
    }
}
