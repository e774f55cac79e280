//! Screens as a person sees them, held to files: `tests/screens/NAME.txt` has what each shows, line by
//! line. `VB365_HELPER_TESTS_WRITE_SCREENS=1 cargo test` writes them anew, for a person to look at.

use std::fs;
use std::path::PathBuf;

/// What stands on a terminal of this size after `bytes` were written to it, without the blank end of
/// lines and of the screen; what scrolled away is gone.
pub fn seen(bytes: &[u8], columns: u16, rows: u16) -> String {
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    // A terminal driver has made this of every line end by then.
    terminal.process(String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\n', "\r\n").as_bytes());
    let lines: Vec<String> = terminal.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// Fails if the screen `name` is not `shown`. What differs from run to run is to be replaced before.
pub fn assert_screen(name: &str, shown: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{name}.txt"));
    if std::env::var_os("VB365_HELPER_TESTS_WRITE_SCREENS").is_some() {
        fs::write(&path, shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shown, expected, "the screen is not that of {}", path.display());
}
