//! Windows lets nobody replace, remove or open a file while another program holds it: a virus scanner, a backup,
//! or one of this program's own that is reading. What is held is mostly free a moment later.

use std::io;

/// How long what is held is waited for, in all, and how often it is tried again.
#[cfg(windows)]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
#[cfg(windows)]
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Whether `error` says that another program holds the file: `ERROR_ACCESS_DENIED`, which also stands for a file
/// that is just going, `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION` and `ERROR_USER_MAPPED_FILE`.
pub fn is_held(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 33 | 1224))
}

/// Does `deed`, again and again for a while as long as something holds its file.
///
/// # Errors
/// Those of `deed`.
#[cfg(windows)]
#[allow(clippy::disallowed_methods, reason = "the system's time, not the call's, and no clock is at hand here")]
pub fn patiently<T>(mut deed: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let start = std::time::Instant::now();
    loop {
        match deed() {
            Err(error) if is_held(&error) && start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// Does `deed`: nothing else holds a file here.
///
/// # Errors
/// Those of `deed`.
#[cfg(unix)]
pub fn patiently<T>(mut deed: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    deed()
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_tried_again_and_everything_else_is_told_at_once() {
        let mut answers = [5, 32, 33, 1224, 2].map(io::Error::from_raw_os_error).into_iter();
        let told = patiently(|| answers.next().map_or(Ok(()), Err)).unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::NotFound);
        assert_eq!(answers.len(), 0);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a wait takes real time")]
    fn what_stays_held_is_told_in_the_end() {
        let start = std::time::Instant::now();
        let told = patiently(|| Err::<(), _>(io::Error::from_raw_os_error(32))).unwrap_err();
        assert_eq!(told.raw_os_error(), Some(32));
        assert!((PATIENCE..PATIENCE * 5).contains(&start.elapsed()));
    }
}
