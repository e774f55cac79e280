//! Work that nobody has to see the end of: a server that does not answer must not hold a person who has
//! had enough.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How soon Ctrl-C is noticed.
pub const GLANCE: Duration = Duration::from_millis(100);

/// Does `work` on a thread of its own, and calls `glance` several times a second meanwhile; `None` if there
/// is no such thread to be had.
///
/// # Errors
/// That of `glance`, which ends the wait and not the work.
pub fn aside<T: Send + 'static, E>(
    work: impl FnOnce() -> T + Send + 'static,
    mut glance: impl FnMut() -> Result<(), E>,
) -> Result<Option<T>, E> {
    let (done, result) = mpsc::channel();
    // After an error nobody listens any more.
    if thread::Builder::new().spawn(move || drop(done.send(work()))).is_err() {
        return Ok(None);
    }
    loop {
        match result.recv_timeout(GLANCE) {
            Ok(result) => return Ok(Some(result)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => glance()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_waited_for_unless_somebody_has_had_enough() {
        assert_eq!(aside(|| 1, || Err("never asked")), Ok(Some(1)));
        let (_held, never) = mpsc::channel::<()>();
        let mut glances = 0;
        let tired = || {
            glances += 1;
            if glances < 3 { Ok(()) } else { Err("enough") }
        };
        assert_eq!(aside(move || never.recv(), tired), Err("enough"));
    }
}
