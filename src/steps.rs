//! The moments of a call at which ending it would be worst. Each is told to the log, and a build
//! for tests can be ended at any of them (`host::crash`), so that none is merely hoped to be safe.

/// The log target of steps, apart from the program's words.
pub const TARGET: &str = "vb365_helper::step";

/// A moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The tenant's lock is held; nothing was read yet.
    LockTaken,
    /// The lock under which one person signs in is held.
    LoginLockTaken,
    /// The next thing to leave the process is a request.
    RequestReady,
    /// The answer's head is there.
    AnswerBegun,
    /// The whole answer is there and written nowhere.
    AnswerRead,
    /// The temporary file exists and is empty.
    TemporaryMade,
    /// The temporary file has its content, on disk or not.
    TemporaryWritten,
    /// The temporary file's content is on disk.
    TemporarySynced,
    /// The temporary file has taken the place of the old one, on disk or not.
    Renamed,
    /// The new file would outlive a loss of power.
    DirectorySynced,
    /// The tenant's file is gone.
    Removed,
    /// The person has seen the code.
    CodeShown,
    /// Everything is done but writing the answer.
    AnswerReady,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 13] = [
        Self::LockTaken,
        Self::LoginLockTaken,
        Self::RequestReady,
        Self::AnswerBegun,
        Self::AnswerRead,
        Self::TemporaryMade,
        Self::TemporaryWritten,
        Self::TemporarySynced,
        Self::Renamed,
        Self::DirectorySynced,
        Self::Removed,
        Self::CodeShown,
        Self::AnswerReady,
    ];

    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::LockTaken => "lock_taken",
            Self::LoginLockTaken => "login_lock_taken",
            Self::RequestReady => "request_ready",
            Self::AnswerBegun => "answer_begun",
            Self::AnswerRead => "answer_read",
            Self::TemporaryMade => "temporary_made",
            Self::TemporaryWritten => "temporary_written",
            Self::TemporarySynced => "temporary_synced",
            Self::Renamed => "renamed",
            Self::DirectorySynced => "directory_synced",
            Self::Removed => "removed",
            Self::CodeShown => "code_shown",
            Self::AnswerReady => "answer_ready",
        }
    }
}

/// Tells the log that the call is at `step`.
pub fn reached(step: Step) {
    log::trace!(target: TARGET, "{}", step.name());
}
