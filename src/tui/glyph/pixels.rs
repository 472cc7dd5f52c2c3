//! Pictures as real pixels, where the terminal has a protocol for them.

use std::collections::HashMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::picker::{Picker, ProtocolType};
use ratatui_image::protocol::Protocol;
use ratatui_image::{FontSize, Image, Resize};

use super::cells::centred;
use super::scale::mean;
use super::Ramp;
use crate::domain::Picture;

/// Encoded pictures that are kept at most; those drawn longest ago go first.
const KEPT: usize = 128;

/// What an encoded picture is found again by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    picture: Picture,
    ramp: Ramp,
    room: Size,
}

struct Encoded {
    protocol: Protocol,
    drawn: u64,
}

/// A terminal's pixels.
pub struct Pixels {
    picker: Picker,
    kept: HashMap<Key, Encoded>,
    draws: u64,
}

impl std::fmt::Debug for Pixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pixels").field("picker", &self.picker).finish_non_exhaustive()
    }
}

impl Pixels {
    /// Asks the terminal, within two seconds, for a protocol and the size of a cell; `None` where it has none. To be
    /// called after the alternate screen is entered and before events are read.
    #[must_use]
    pub fn ask() -> Option<Self> {
        let picker = Picker::from_query_stdio().ok()?;
        (picker.protocol_type() != ProtocolType::Halfblocks).then(|| Self::with(picker))
    }

    fn with(picker: Picker) -> Self {
        Self { picker, kept: HashMap::new(), draws: 0 }
    }

    /// Draws a picture in the middle of a place and tells which cells it took; `None` where it cannot be encoded.
    pub(super) fn draw(
        &mut self,
        picture: &Picture,
        ramp: Ramp,
        place: Rect,
        buf: &mut Buffer,
    ) -> Option<Rect> {
        self.draws += 1;
        let room = Size::new(place.width, place.height);
        let key = Key { picture: picture.clone(), ramp, room };
        if !self.kept.contains_key(&key) {
            self.forget();
            let protocol = encode(&self.picker, picture, ramp, room)?;
            self.kept.insert(key.clone(), Encoded { protocol, drawn: 0 });
        }
        let encoded = self.kept.get_mut(&key)?;
        encoded.drawn = self.draws;
        let taken = centred(place, encoded.protocol.size());
        Image::new(&encoded.protocol).render(taken, buf);
        Some(taken)
    }

    /// Makes room for one more.
    fn forget(&mut self) {
        if self.kept.len() < KEPT {
            return;
        }
        let mut drawn: Vec<u64> = self.kept.values().map(|e| e.drawn).collect();
        drawn.sort_unstable();
        let middle = drawn[drawn.len() / 2];
        self.kept.retain(|_, e| e.drawn >= middle);
    }
}

/// A picture as large as fits in whole multiples of its pixels, else by area mean, on its background.
fn encode(picker: &Picker, picture: &Picture, ramp: Ramp, room: Size) -> Option<Protocol> {
    let font = picker.font_size();
    let (width, height) = (picture.width(), picture.height());
    let within = |cells: u16, dots: u16| usize::from(cells) * usize::from(dots);
    let (across, down) = (within(room.width, font.width), within(room.height, font.height));
    let times = (across / width.max(1)).min(down / height.max(1));
    let (columns, rows) = if times > 0 {
        (width * times, height * times)
    } else {
        let scale = (across as f64 / width as f64).min(down as f64 / height as f64);
        ((width as f64 * scale) as usize, (height as f64 * scale) as usize)
    };
    if columns == 0 || rows == 0 {
        return None;
    }
    let cells = Size::new(
        columns.div_ceil(usize::from(font.width.max(1))) as u16,
        rows.div_ceil(usize::from(font.height.max(1))) as u16,
    );
    let levels = mean(picture, (columns, rows));
    // An empty picture is padded to these cells, which is then filled in.
    let mut image = Resize::Crop(None).resize(
        &Default::default(),
        FontSize::new(font.width, font.height),
        cells,
        None,
    );
    let (full, tall) = (image.width() as usize, image.height() as usize);
    let (left, top) = ((full - columns) / 2, (tall - rows) / 2);
    for (at, pixel) in image.as_mut_rgba8()?.pixels_mut().enumerate() {
        let (x, y) = ((at % full).checked_sub(left), (at / full).checked_sub(top));
        let level = match (x, y) {
            (Some(x), Some(y)) if x < columns && y < rows => levels[y * columns + x],
            _ => None,
        };
        let [r, g, b] = ramp.rgb(level.unwrap_or(0.0));
        pixel.0 = [r, g, b, 255];
    }
    picker.new_protocol(image, cells, Resize::Fit(None)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyph::Shades;
    use crate::tui::theme::Depth;

    fn kitty() -> Pixels {
        let mut picker = Picker::halfblocks();
        picker.set_protocol_type(ProtocolType::Kitty);
        Pixels::with(picker)
    }

    fn ramp() -> Ramp {
        Ramp { shades: Shades::Grey, colours: Some(Depth::True) }
    }

    #[test]
    fn a_digit_is_sent_once_and_placed_on_square_pixels() {
        let picture = Picture::new(14, 14, vec![Some(64); 196]);
        let mut pixels = kitty();
        let place = Rect::new(0, 0, 30, 10);
        let draw = |pixels: &mut Pixels| {
            let mut buf = Buffer::empty(place);
            let taken = pixels.draw(&picture, ramp(), place, &mut buf);
            let sent: usize = buf.content.iter().map(|cell| cell.symbol().len()).sum();
            (taken, sent)
        };
        // A cell has 10 × 20 dots: fourteen times its size the digit is 196 × 196 of the 300 × 200 that there are.
        let (taken, sent) = draw(&mut pixels);
        assert_eq!(taken, Some(Rect::new(5, 0, 20, 10)));
        assert!(sent > 196 * 196);
        let (again, sent) = draw(&mut pixels);
        assert_eq!(again, taken);
        assert!(sent < 10_000, "{sent}");
    }

    #[test]
    fn few_are_kept_and_no_size_panics() {
        let mut pixels = kitty();
        for width in 0..40 {
            for height in 0..12 {
                let place = Rect::new(0, 0, width, height);
                let mut buf = Buffer::empty(place);
                for picture in
                    [Picture::new(28, 28, vec![Some(9); 784]), Picture::new(0, 3, vec![])]
                {
                    if let Some(taken) = pixels.draw(&picture, ramp(), place, &mut buf) {
                        assert_eq!(place.intersection(taken), taken);
                    }
                }
                assert!(pixels.kept.len() <= KEPT);
            }
        }
    }
}
