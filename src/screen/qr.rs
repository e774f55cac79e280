//! A QR code (ISO/IEC 18004) in the characters of a terminal, black on white where there is colour: not
//! every camera reads the inverse.

use qrcode::{Color, EcLevel, QrCode};

use super::Screen;

/// Modules of white around the code. The standard wants four; cameras need no more than two, and terminals
/// are small.
const QUIET: usize = 2;
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const BLACK: &str = "\x1b[48;5;16m  ";
const WHITE: &str = "\x1b[48;5;231m  ";
const RESET: &str = "\x1b[0m";

/// A picture in lines that all have the same width.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// The lines, with their colours.
    pub lines: Vec<String>,
    /// How many columns each takes.
    pub columns: usize,
}

/// `text` as the screen can show it; `None` where it cannot, or where nothing so long fits a code.
pub fn picture(text: &str, screen: Screen) -> Option<Picture> {
    if !screen.is_live {
        return None;
    }
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (side, modules) = (code.width(), code.to_colors());
    let is_dark = |x: usize, y: usize| {
        let inside = |n: usize| n.checked_sub(QUIET).filter(|n| *n < side);
        inside(x).zip(inside(y)).is_some_and(|(x, y)| modules[y * side + x] == Color::Dark)
    };
    let side = side + 2 * QUIET;
    Some(match (screen.unicode, screen.colour) {
        (true, colour) => Picture { lines: half_blocks(side, colour, &is_dark), columns: side },
        (false, true) => Picture { lines: squares(side, &is_dark), columns: 2 * side },
        (false, false) => return None,
    })
}

/// Two modules a character. Without colours, white is what the terminal writes with.
fn half_blocks(side: usize, colour: bool, is_dark: &dyn Fn(usize, usize) -> bool) -> Vec<String> {
    let block = |x, y| match (is_dark(x, y) == colour, (y + 1 < side && is_dark(x, y + 1)) == colour) {
        (true, true) => '\u{2588}',
        (true, false) => '\u{2580}',
        (false, true) => '\u{2584}',
        (false, false) => ' ',
    };
    let line = |y| (0..side).map(|x| block(x, y)).collect::<String>();
    let painted = |line: String| if colour { format!("{BLACK_ON_WHITE}{line}{RESET}") } else { line };
    (0..side).step_by(2).map(line).map(painted).collect()
}

/// A module in two spaces, for terminals that have colours and lack the characters.
fn squares(side: usize, is_dark: &dyn Fn(usize, usize) -> bool) -> Vec<String> {
    let line = |y| (0..side).map(|x| if is_dark(x, y) { BLACK } else { WHITE }).collect::<String>();
    (0..side).map(|y| line(y) + RESET).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://microsoft.com/devicelogin";
    const FULL: Screen = Screen { columns: Some(80), rows: Some(24), colour: true, unicode: true, is_live: true };

    fn bare(picture: &Picture) -> Vec<String> {
        let strip = |line: &String| line.replace(BLACK_ON_WHITE, "").replace(RESET, "");
        picture.lines.iter().map(strip).collect()
    }

    /// What a camera reads of modules that are dark or not, each of some pixels.
    fn read(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        const PIXELS: usize = 4;
        let shade = |x: usize, y: usize| if is_dark(x / PIXELS, y / PIXELS) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * PIXELS, side * PIXELS, shade);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_camera_reads_the_address_from_the_screen() {
        let lines = bare(&picture(PAGE, FULL).unwrap());
        let side = lines[0].chars().count();
        let is_dark = |x: usize, y: usize| match lines[y / 2].chars().nth(x) {
            Some('\u{2588}') => true,
            Some('\u{2580}') => y.is_multiple_of(2),
            Some('\u{2584}') => !y.is_multiple_of(2),
            _ => false,
        };
        assert_eq!(read(side, is_dark), PAGE);

        let squares = picture(PAGE, Screen { unicode: false, ..FULL }).unwrap().lines;
        let cells =
            |line: &str| line.trim_end_matches(RESET).split("  ").map(|cell| format!("{cell}  ") == BLACK).collect();
        let squares: Vec<Vec<bool>> = squares.iter().map(|line| cells(line)).collect();
        assert_eq!(read(squares.len(), |x, y| squares[y][x]), PAGE);
    }

    #[test]
    fn every_line_is_as_wide_as_the_picture_says() {
        let picture = picture(PAGE, FULL).unwrap();
        assert_eq!((picture.columns, picture.lines.len()), (33, 17));
        assert!(bare(&picture).iter().all(|line| line.chars().count() == picture.columns));
        let squares = super::picture(PAGE, Screen { unicode: false, ..FULL }).unwrap();
        assert_eq!((squares.columns, squares.lines.len()), (66, 33));
        let cells = |line: &String| line.matches("  ").count();
        assert!(squares.lines.iter().all(|line| 2 * cells(line) == squares.columns && line.is_ascii()));
    }

    #[test]
    fn without_colour_the_same_modules_are_the_inverse() {
        let coloured = bare(&picture(PAGE, FULL).unwrap());
        let calm = picture(PAGE, Screen { colour: false, ..FULL }).unwrap().lines;
        let inverse = |c| match c {
            ' ' => '\u{2588}',
            '\u{2588}' => ' ',
            '\u{2580}' => '\u{2584}',
            _ => '\u{2580}',
        };
        // The last line's lower half is below the picture.
        let inverted: Vec<String> = coloured.iter().map(|line| line.chars().map(inverse).collect()).collect();
        assert_eq!(calm[..16], inverted[..16]);
    }

    #[test]
    fn nothing_is_drawn_where_it_would_not_be_seen_as_a_code() {
        assert_eq!(picture(PAGE, Screen { unicode: false, colour: false, ..FULL }), None);
        assert_eq!(picture(PAGE, Screen { is_live: false, ..FULL }), None);
        assert_eq!(picture(&"x".repeat(4000), FULL), None);
    }
}
