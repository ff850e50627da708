//! QR codes: SVG and PNG for a page, half blocks for a terminal.

#[cfg(test)]
mod tests;

use fast_qr::convert::svg::SvgBuilder;
use fast_qr::{ECL, QRBuilder, QRCode};
use png::{BitDepth, ColorType, Encoder};

use crate::domain::secret::{Secret, SecretText};
use crate::error::Fault;

/// The light frame that a reader needs around the code, in modules (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;
/// The width of a module in the PNG, in pixels.
const PIXELS: usize = 6;

/// A text as a matrix of light and dark modules.
pub struct Qr(QRCode);

impl Qr {
    /// Draws a text, with the correction level M, or L where that would be too large.
    ///
    /// # Errors
    /// A fault: it is longer than the largest code holds, 2953 bytes.
    pub fn of(text: &SecretText) -> Result<Self, Fault> {
        let draw = |level| QRBuilder::new(text.expose()).ecl(level).build();
        let code = draw(ECL::M).or_else(|_| draw(ECL::L));
        code.map(Self).map_err(|e| Fault::internal("drawing a QR code", e))
    }

    /// As an SVG document, one unit a module.
    #[must_use]
    pub fn svg(&self) -> SecretText {
        SecretText::new(SvgBuilder::default().to_str(&self.0))
    }

    /// As a PNG file: one bit a pixel, black on white.
    ///
    /// # Errors
    /// A fault: the encoder refused, which is a defect.
    pub fn png(&self) -> Result<Secret, Fault> {
        let fault = |e| Fault::internal("drawing a QR code", e);
        let width = self.width() * PIXELS;
        let light = |x: usize, y: usize| u8::from(!self.is_dark(x / PIXELS, y));
        let row = |y: usize| -> Vec<u8> {
            let byte = |at: usize| (at * 8..at * 8 + 8).fold(0, |bits, x| bits << 1 | light(x, y));
            (0..width.div_ceil(8)).map(byte).collect()
        };
        let rows: Vec<u8> = (0..self.width()).flat_map(|y| row(y).repeat(PIXELS)).collect();
        let side = u32::try_from(width).map_err(|e| Fault::internal("drawing a QR code", e))?;
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, side, side);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::One);
        let mut writer = encoder.write_header().map_err(fault)?;
        writer.write_image_data(&rows).map_err(fault)?;
        writer.finish().map_err(fault)?;
        Ok(Secret::new(file))
    }

    /// As lines of text, two modules above each other in a character: light ones are drawn, so that the
    /// code is dark on light where the terminal is light on dark.
    #[must_use]
    pub fn terminal(&self) -> SecretText {
        let mut text = String::new();
        for y in (0..self.width()).step_by(2) {
            for x in 0..self.width() {
                text.push(match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                    (true, true) => ' ',
                    (true, false) => '▄',
                    (false, true) => '▀',
                    (false, false) => '█',
                });
            }
            text.push('\n');
        }
        SecretText::new(text)
    }

    /// Modules on a side, the quiet zone included.
    fn width(&self) -> usize {
        self.0.size + 2 * QUIET
    }

    /// Whether a module is dark; the quiet zone and all beyond it are light.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = QUIET..QUIET + self.0.size;
        inside.contains(&x) && inside.contains(&y) && self.0[y - QUIET][x - QUIET].value()
    }
}
