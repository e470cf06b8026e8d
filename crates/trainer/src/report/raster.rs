//! Small pictures made of pixels, as PNG inside of a page or an SVG.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Colours of pixels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) colour: Colour,
    pub(super) bytes: Vec<u8>,
}

/// What the bytes of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Colour {
    Grey,
    Rgb,
    Rgba,
}

/// Pixels to which the larger side is enlarged, about.
const SIDE: usize = 112;
/// The colours of positive and of negative weights.
const SIGNS: [[u8; 3]; 2] = [[0x2f, 0x81, 0xd8], [0xe0, 0x6c, 0x1a]];

impl Raster {
    /// Signed numbers: blue above 0, orange below, and the nearer to 0 the more transparent, so that 0 is the ground,
    /// light or dark. `largest` is drawn in full.
    pub(super) fn signed(
        width: usize,
        height: usize,
        values: impl Iterator<Item = f64>,
        largest: f64,
    ) -> Raster {
        let bytes = values.flat_map(|v| {
            let [r, g, b] = SIGNS[usize::from(v < 0.0)];
            let share = if largest > 0.0 && v.is_finite() { (v.abs() / largest).min(1.0) } else { 0.0 };
            [r, g, b, (share * 255.0).round() as u8]
        });
        Raster { width, height, colour: Colour::Rgba, bytes: bytes.collect() }
    }

    /// As the address of an image: `data:image/png;base64,...`.
    pub(super) fn to_uri(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(self.enlarged().to_png()))
    }

    /// Each pixel becomes a square of pixels: not every viewer of SVG enlarges without blur.
    fn enlarged(&self) -> Raster {
        let by = (SIDE / self.width.max(self.height)).max(1);
        let pixel = self.bytes.len() / (self.width * self.height);
        let lines = self.bytes.chunks(self.width * pixel).flat_map(|line| {
            let line: Vec<u8> = line.chunks(pixel).flat_map(|p| p.repeat(by)).collect();
            line.repeat(by)
        });
        Raster {
            width: self.width * by,
            height: self.height * by,
            colour: self.colour,
            bytes: lines.collect(),
        }
    }

    fn to_png(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.width as u32, self.height as u32);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_color(match self.colour {
            Colour::Grey => png::ColorType::Grayscale,
            Colour::Rgb => png::ColorType::Rgb,
            Colour::Rgba => png::ColorType::Rgba,
        });
        let mut writer = encoder.write_header().expect("a raster has pixels, and memory takes everything");
        writer.write_image_data(&self.bytes).expect("a raster has as many bytes as its pixels need");
        drop(writer);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let raster = Raster::signed(2, 1, [1.0, -0.5].into_iter(), 1.0);
        let png = raster.to_png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let mut bytes = vec![0; 8];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, raster.bytes);
        assert_eq!((bytes[3], bytes[7]), (255, 128));
        assert_eq!(raster.enlarged().width, 112);
        assert_eq!(raster.enlarged().bytes[55 * 4..57 * 4], raster.bytes);
        assert!(raster.to_uri().starts_with("data:image/png;base64,iVBOR"));
    }
}
