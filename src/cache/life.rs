//! How long a kept token lives. What no right clock can have written is not believed: the machine's
//! may have been far off when the token came, or be so now.

use chrono::{DateTime, Duration, Utc};

use crate::token::LONGEST_LIFE;

/// How far an entry may come from the future before the clock is taken to have been set back.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// What is known of an access token's time.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub(super) obtained_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
}

impl Life {
    /// Whether the token still lives at `now`. One from the future does not: the clock was set
    /// back since, and its end can no longer be told. Nor does one whose life is longer than any
    /// that is kept: whatever wrote that was no clock.
    pub fn is_alive(self, now: DateTime<Utc>) -> bool {
        let is_believed = (self.expires_at - self.obtained_at).to_std().is_ok_and(|life| life <= LONGEST_LIFE);
        // A difference always has room, where a sum ends with chrono's range.
        is_believed && now < self.expires_at && self.obtained_at - now <= CLOCK_SKEW
    }

    /// Whether it lives for `min_ttl` more, or for half of its whole life where that is less.
    pub fn is_enough(self, now: DateTime<Utc>, min_ttl: std::time::Duration) -> bool {
        let half = (self.expires_at - self.obtained_at) / 2;
        let needed = Duration::from_std(min_ttl).unwrap_or(half).min(half);
        self.is_alive(now) && self.expires_at - now >= needed
    }

    /// When it ends.
    pub fn expires_at(self) -> DateTime<Utc> {
        self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(seconds, 0).unwrap()
    }

    fn minutes(n: u64) -> std::time::Duration {
        std::time::Duration::from_secs(n * 60)
    }

    #[test]
    fn enough_life_is_the_minimum_but_never_more_than_half_of_the_whole() {
        let hour = Life { obtained_at: at(0), expires_at: at(3600) };
        assert!(hour.is_enough(at(3300), minutes(5)));
        assert!(!hour.is_enough(at(3301), minutes(5)));
        let short = Life { obtained_at: at(0), expires_at: at(120) };
        assert!(short.is_enough(at(60), minutes(5)));
        assert!(!short.is_enough(at(61), minutes(5)));
        assert!(short.is_alive(at(119)) && !short.is_alive(at(120)));
        assert!(!hour.is_enough(at(3600), minutes(0)));
    }

    #[test]
    fn a_token_from_the_future_is_not_believed_to_live() {
        let life = Life { obtained_at: at(10_000), expires_at: at(13_600) };
        assert!(life.is_alive(at(9_800)));
        assert!(!life.is_alive(at(9_000)));
    }

    #[test]
    fn a_life_that_no_clock_gave_is_not_believed() {
        let year = 366 * 86_400;
        assert!(Life { obtained_at: at(0), expires_at: at(year) }.is_alive(at(1)));
        assert!(!Life { obtained_at: at(0), expires_at: at(year + 1) }.is_alive(at(1)));
        assert!(!Life { obtained_at: at(20), expires_at: at(10) }.is_alive(at(1)));
    }

    #[test]
    fn no_instant_is_too_far_to_count_with() {
        let [first, last] = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        let minute = Duration::minutes(1);
        let life = Life { obtained_at: last - Duration::hours(1), expires_at: last };
        assert!(life.is_alive(last - minute) && !life.is_enough(last - minute, minutes(5)));
        for (obtained_at, expires_at) in [(first, last), (last, first), (first, first), (last, last)] {
            let life = Life { obtained_at, expires_at };
            for now in [first, at(0), last] {
                assert!(!life.is_alive(now) && !life.is_enough(now, minutes(5)), "{life:?} at {now}");
            }
        }
    }
}
