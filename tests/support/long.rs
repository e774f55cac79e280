//! How long a test goes on. `cargo test` takes the short way; the long one, which prints what it
//! saw, is `VB365_HELPER_TESTS_LONG=1 cargo test --test faults -- --nocapture --test-threads 1`.

/// How many rounds to go: `short`, or `long` where that is asked for.
pub fn rounds(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// How many of `many` processes or rounds are enough: under wine, which the tests for Windows run in, one start of
/// a process takes as long as ten elsewhere.
pub const fn fewer(many: usize) -> usize {
    if cfg!(windows) { many / 5 } else { many }
}

/// Whether the long way was asked for.
pub fn is_long() -> bool {
    std::env::var_os("VB365_HELPER_TESTS_LONG").is_some_and(|value| !value.is_empty())
}

/// Tells a figure of a long run.
pub fn tell(figures: &str) {
    if is_long() {
        eprintln!("figures: {figures}");
    }
}
