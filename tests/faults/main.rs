//! What must hold when everything goes wrong: crowds, crashes, full disks, clocks that jump,
//! damaged files, hostile servers, directories and callers. Each file's name is what it proves.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests: real time, real processes, and failing is their way to speak"
)]

mod a_broken_disk_costs_nobody_a_login;
mod a_clock_that_jumps_costs_a_renewal_at_most;
mod a_damaged_file_hurts_nobody;
mod a_file_system_without_locks_is_no_trap;
mod a_hostile_server_gets_and_breaks_nothing;
mod a_kill_at_any_moment_loses_nothing;
mod a_process_gives_nothing_away;
#[cfg(unix)]
mod a_sign_in_page_is_one_that_a_person_can_be_sent_to;
mod a_silent_caller_holds_nothing;
mod a_stalled_holder_holds_nobody;
mod no_caller_can_name_a_destination;
mod nobody_elses_file_is_ever_used;
mod one_renewal_serves_a_crowd;
mod secrets_stay_where_they_belong;
#[path = "../support/mod.rs"]
mod support;
mod the_ladder_holds_for_any_history;
mod what_a_server_says_is_fit_to_show;
mod what_is_answered_is_on_disk_first;
