use super::*;

const URI: &str = "otpauth://totp/example.com%3Aalice?secret=FIV3XIIJF765EWRSRLI2BJPV2YOXVLGE&algorithm=SHA1&digits=6&period=30&issuer=example.com";

fn drawn(text: &str) -> Qr {
    Qr::of(&SecretText::new(text.to_owned())).unwrap()
}

/// A picture's side, and whether a pixel is dark.
struct Picture(usize, Vec<bool>);

impl Picture {
    fn of_png(file: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.color_type, info.width), (ColorType::Grayscale, info.height));
        Self(info.width as usize, pixels.iter().map(|pixel| *pixel < 128).collect())
    }

    /// Each module's pixels, given the modules.
    fn of_modules(width: usize, is_dark: impl Fn(usize, usize) -> bool) -> Self {
        let side = width * PIXELS;
        let pixels = (0..side * side).map(|at| is_dark(at % side / PIXELS, at / side / PIXELS)).collect();
        Self(side, pixels)
    }

    fn read(&self) -> String {
        let Self(side, pixels) = self;
        let grey = |x, y| if pixels[y * side + x] { 0 } else { 255 };
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(*side, *side, grey);
        let grids = prepared.detect_grids();
        assert_eq!(grids.len(), 1, "one code");
        grids[0].decode().unwrap().1
    }
}

#[test]
fn a_reader_finds_the_text_in_the_png() {
    for text in [URI.to_owned(), format!("{URI}&image={}", "x".repeat(400))] {
        assert_eq!(Picture::of_png(drawn(&text).png().unwrap().expose()).read(), text);
    }
}

#[test]
fn a_reader_finds_the_text_in_the_svg() {
    let svg = drawn(URI).svg();
    let width = svg.expose().split('"').nth(1).unwrap().split(' ').nth(2).unwrap().parse().unwrap();
    let path = svg.expose().split("<path d=\"").nth(1).unwrap().split('"').next().unwrap();
    let dark: std::collections::HashSet<&str> = path
        .split('M')
        .filter(|square| !square.is_empty())
        .map(|s| s.strip_suffix("h1v1h-1").unwrap())
        .collect();
    let picture = Picture::of_modules(width, |x, y| dark.contains(format!("{x},{y}").as_str()));
    assert_eq!(picture.read(), URI);
}

#[test]
fn a_reader_finds_the_text_in_the_terminal() {
    let text = drawn(URI).terminal();
    let lines: Vec<Vec<char>> = text.expose().lines().map(|line| line.chars().collect()).collect();
    let is_dark = |x: usize, y: usize| match (lines[y / 2][x], y % 2) {
        ('█', _) | ('▀', 0) | ('▄', 1) => false,
        (' ', _) | ('▀', 1) | ('▄', 0) => true,
        other => panic!("{other:?} in the code"),
    };
    assert_eq!(Picture::of_modules(lines[0].len(), is_dark).read(), URI);
}

#[test]
fn a_text_of_the_largest_size_is_drawn_and_a_longer_one_is_a_fault() {
    let largest = "x".repeat(2953);
    assert_eq!(Picture::of_png(drawn(&largest).png().unwrap().expose()).read(), largest);
    assert!(Qr::of(&SecretText::new("x".repeat(2954))).is_err());
}
