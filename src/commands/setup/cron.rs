//! cron: a line for the user's crontab that keeps sign-ins alive. cron mails what a command writes, so it
//! writes something only where a person is needed.

use super::{Desk, Piece, Wiring, shell, text};
use crate::error::{Error, Kind, Result};

/// Once a day, at a minute at which not everybody starts.
const WHEN: &str = "17 5 * * *";

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    desk.no_server()?;
    if cfg!(windows) {
        return Err(
            Error::new(Kind::BadRequest, "there is no cron on Windows").with_hint("vb365-helper setup task-scheduler")
        );
    }
    let mut command = places(desk)?;
    command.push(shell::sh(&desk.refresh()));
    // What stands behind a bare % is stdin (crontab(5)).
    let command = command.join(" ").replace('%', "\\%");
    let about = [
        "A line for `crontab -e`. Once a day the tokens are renewed: Microsoft's refresh token dies when it is",
        "not used for 90 days. A failure is mailed to you (MAILTO), with the command to run.",
    ];
    let piece = Piece {
        about: about.map(str::to_owned).into(),
        text: format!("{WHEN} {command} >/dev/null\n"),
        edits: Vec::new(),
    };
    Ok(Wiring { pieces: vec![piece], next: vec!["Choose a minute of your own, so that not all start at once.".into()] })
}

/// What a shell's environment says about the files: cron does not know it.
fn places(desk: &Desk<'_>) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let own = ["VB365_HELPER_CONFIG", "VB365_HELPER_CACHE_DIR", "VB365_HELPER_KEY_FILE"];
    for name in own.into_iter().chain(["XDG_CONFIG_HOME", "XDG_DATA_HOME"]) {
        let place = if name.starts_with("XDG") { desk.xdg(name) } else { desk.place(name) };
        if let Some(place) = place.and_then(|place| std::path::absolute(place).ok()) {
            words.push(format!("{name}={}", shell::sh(&[text(&place)?])));
        }
    }
    Ok(words)
}
