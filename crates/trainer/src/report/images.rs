//! Examples as images.

use datasets::Features;

use super::raster::{Colour, Raster};
use crate::Error;

/// Pixels of a side above which an image is drawn with every second, third, ... pixel.
const LARGEST_SIDE: usize = 96;

/// How the numbers of an example are pixels: channels, then rows, then columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImageShape {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl ImageShape {
    /// The image that an example of this shape is; `given` as height and width for rows of numbers. `None` if it is not
    /// an image.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the example has not a whole number of images of the given size.
    pub(super) fn of(example: &[usize], given: Option<[usize; 2]>) -> Result<Option<Self>, Error> {
        let numbers: usize = example.iter().product();
        let shape = match (given, example) {
            (Some([height, width]), _) => {
                let pixels = height.saturating_mul(width);
                if pixels == 0 || numbers == 0 || !numbers.is_multiple_of(pixels) {
                    let expected =
                        format!("a height and a width that divide the {numbers} numbers of an example");
                    return Err(Error::option("image", &expected, [height, width]));
                }
                ImageShape { channels: numbers / pixels, height, width }
            }
            (None, &[height, width]) => ImageShape { channels: 1, height, width },
            (None, &[channels, height, width]) => ImageShape { channels, height, width },
            _ => return Ok(None),
        };
        Ok(Some(shape).filter(|shape| shape.channels > 0 && shape.height > 1 && shape.width > 1))
    }

    pub(super) fn numbers(&self) -> usize {
        self.channels * self.height * self.width
    }
}

/// The examples with these indices; the least of their values is black, the largest white.
pub(super) fn rasters(features: &Features, shape: ImageShape, indices: &[usize]) -> Vec<Raster> {
    let rows: Vec<Vec<f64>> = indices.iter().map(|&i| row(features, i)).collect();
    let finite = || rows.iter().flatten().copied().filter(|v| v.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let grey = |v: f64| ((v - low) / span * 255.0).round() as u8; // not a number becomes 0, black
    rows.iter().map(|row| raster(row, shape, grey)).collect()
}

/// The raw numbers of an example.
pub(super) fn row(features: &Features, i: usize) -> Vec<f64> {
    let axis = ndarray::Axis(0);
    match features {
        Features::U8(x) => x.index_axis(axis, i).iter().map(|&v| v.into()).collect(),
        Features::F32(x) => x.index_axis(axis, i).iter().map(|&v| v.into()).collect(),
        Features::F64(x) => x.index_axis(axis, i).iter().copied().collect(),
    }
}

/// Three channels are red, green and blue; any other number is shown as the mean.
fn raster(row: &[f64], shape: ImageShape, grey: impl Fn(f64) -> u8) -> Raster {
    let ImageShape { channels, height, width } = shape;
    let stride = height.max(width).div_ceil(LARGEST_SIDE);
    let pixel = |c: usize, i: usize, j: usize| row[(c * height + i) * width + j];
    let places = (0..height).step_by(stride).flat_map(|i| (0..width).step_by(stride).map(move |j| (i, j)));
    let (colour, bytes) = if channels == 3 {
        (Colour::Rgb, places.flat_map(|(i, j)| [0, 1, 2].map(|c| grey(pixel(c, i, j)))).collect())
    } else {
        let mean = |(i, j)| (0..channels).map(|c| pixel(c, i, j)).sum::<f64>() / channels as f64;
        (Colour::Grey, places.map(|at| grey(mean(at))).collect())
    };
    Raster { width: width.div_ceil(stride), height: height.div_ceil(stride), colour, bytes }
}

#[cfg(test)]
mod tests {
    use ndarray::Array;

    use super::*;

    #[test]
    fn shapes_are_images_if_they_have_height_and_width() {
        let of = |example: &[usize], given| ImageShape::of(example, given).unwrap();
        let grey = ImageShape { channels: 1, height: 28, width: 28 };
        assert_eq!(of(&[28, 28], None), Some(grey));
        assert_eq!(of(&[1, 28, 28], None), Some(grey));
        assert_eq!(of(&[784], Some([28, 28])), Some(grey));
        assert_eq!(of(&[784], None), None);
        assert_eq!(of(&[1, 5], None), None);
        let colour = ImageShape { channels: 3, height: 2, width: 4 };
        assert_eq!(of(&[24], Some([2, 4])), Some(colour));
        let error = ImageShape::of(&[65], Some([8, 8])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "image: expected a height and a width that divide the 65 numbers of an example, got [8, 8]"
        );
        assert!(ImageShape::of(&[64], Some([0, 8])).is_err());
        assert!(ImageShape::of(&[64], Some([usize::MAX, 8])).is_err());
    }

    #[test]
    fn the_range_of_values_is_shared_and_what_is_no_number_is_black() {
        let x = Array::from_shape_vec(vec![2, 4], vec![0.0, 1.0, 2.0, 4.0, f64::NAN, 2.0, 2.0, 2.0]).unwrap();
        let shape = ImageShape { channels: 1, height: 2, width: 2 };
        let drawn = rasters(&Features::F64(x), shape, &[0, 1]);
        assert_eq!(drawn[0].bytes, [0, 64, 128, 255]);
        assert_eq!(drawn[1].bytes, [0, 128, 128, 128]);
    }

    #[test]
    fn three_channels_are_colours_and_large_images_are_thinned() {
        let x = Array::from_shape_fn(vec![1, 3, 200, 100], |i| (i[1] * 100) as u8);
        let shape = ImageShape::of(&[3, 200, 100], None).unwrap().unwrap();
        let drawn = rasters(&Features::U8(x), shape, &[0]);
        assert_eq!((drawn[0].width, drawn[0].height, drawn[0].colour), (34, 67, Colour::Rgb));
        assert_eq!(drawn[0].bytes[..3], [0, 128, 255]);
        assert_eq!(drawn[0].bytes.len(), 3 * 34 * 67);
    }
}
