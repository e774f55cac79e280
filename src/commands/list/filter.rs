//! Which tenants are listed, and in which order: those that need somebody come first.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Listed, State};
use crate::cli::{ListArgs, StateArg};

/// Whether `args` leave anything out.
pub(super) fn is_any(args: &ListArgs) -> bool {
    !args.tenants.is_empty() || !args.states.is_empty() || args.due_within.is_some()
}

/// Leaves only those in the states and with the due times that were asked for.
pub(super) fn apply(tenants: &mut Vec<Listed>, args: &ListArgs, now: DateTime<Utc>) {
    if !args.states.is_empty() {
        tenants.retain(|tenant| args.states.iter().any(|state| State::from(*state) == tenant.state));
    }
    if let Some(within) = args.due_within {
        let end = now.checked_add_signed(time(within)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        // Of a damaged entry nobody can tell: a monitor must not miss it.
        let may_be_due = |tenant: &Listed| match tenant.sign_in_needed_by(now) {
            Some(needed) => needed <= end,
            None => tenant.state == State::Damaged,
        };
        tenants.retain(may_be_due);
    }
}

/// As much of `duration` as can be counted with.
pub(super) fn time(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// Puts first what needs attention first.
pub(super) fn sort(tenants: &mut [Listed], now: DateTime<Utc>) {
    tenants.sort_by_cached_key(|tenant| {
        let rank = match tenant.state {
            State::LoginRequired => 0,
            State::Damaged => 1,
            State::Valid | State::Renewable => 2,
        };
        let needed = tenant.sign_in_needed_by(now).unwrap_or(DateTime::<Utc>::MAX_UTC);
        // Sign-ins of the same day are told apart by name.
        (rank, needed.date_naive(), tenant.tenant.to_ascii_lowercase())
    });
}

impl From<StateArg> for State {
    fn from(arg: StateArg) -> Self {
        match arg {
            StateArg::Valid => Self::Valid,
            StateArg::Renewable => Self::Renewable,
            StateArg::LoginRequired => Self::LoginRequired,
            StateArg::Damaged => Self::Damaged,
        }
    }
}
