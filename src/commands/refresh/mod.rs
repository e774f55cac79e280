//! `refresh`: renews ahead of time, many tenants at once. It never asks a person and hands out no token; one
//! tenant's failure stops no other, and what needs a person is told at the end.

mod job;
mod progress;
mod queue;
mod renewal;
mod report;

use std::thread;
use std::time::Duration;

use self::job::Job;
use self::progress::Progress;
use self::queue::Queue;
use self::renewal::Renewal;
use super::{Context, Report};
use crate::cli::RefreshArgs;
use crate::credential::Tenant;
use crate::error::Result;
use crate::host::Deadline;

/// How often the progress is looked at, and Ctrl-C.
const GLANCE: Duration = Duration::from_millis(100);

/// Renews every tenant that was asked for.
///
/// # Errors
/// Kind `cache` where the directory cannot be read. The report fails as its tenants do.
pub fn run(context: &Context<'_>, args: &RefreshArgs) -> Result<Report> {
    let (due, not_due) = jobs(context, args)?;
    // Whose timer has nobody to renew, be it for another user or another cache, has to hear of it.
    let is_nobody_kept = args.all && due.is_empty() && not_due.is_empty();
    let queue = Queue::new(due);
    let deadline = Deadline::after(context.clock, args.timeout);
    context.terminal.catch_interrupts();
    renew(context, args, &queue, deadline);
    let (outcomes, warnings) = queue.into_outcomes();
    warnings.into_iter().for_each(|warning| context.warnings.add(warning));
    let mut report = report::of(outcomes, &not_due, args.json);
    if is_nobody_kept {
        report.failure = Some(report::nobody(context.config.tenants().next().is_some()));
    }
    if let [only] = &args.tenants[..] {
        report.failure = report.failure.map(|error| context.meant(error, only));
    }
    Ok(report)
}

/// What is to be done, and who is not due. Who has least time left is the first: where the time for all of it
/// is over before the end, the same ones must not be left behind every day.
fn jobs(context: &Context<'_>, args: &RefreshArgs) -> Result<(Vec<Job>, Vec<Tenant>)> {
    let mut tenants = if args.all { context.cache.tenants()? } else { args.tenants.clone() };
    tenants.sort_by(|a, b| a.key().cmp(b.key()));
    tenants.dedup_by(|a, b| a.key() == b.key());
    let now = context.clock.now();
    let end = job::end_of(args.due_within, now);
    let jobs = tenants.iter().map(|tenant| Job::new(context.config, context.cache, tenant, now));
    let (mut due, not_due): (Vec<_>, Vec<_>) = jobs.partition(|job| job.is_due_before(end));
    due.sort_by_key(|job| job.needed_by);
    Ok((due, not_due.into_iter().map(|job| job.tenant).collect()))
}

/// Works off the queue on as many threads as were asked for, while this one watches.
fn renew(context: &Context<'_>, args: &RefreshArgs, queue: &Queue, deadline: Deadline) {
    let mut progress = Progress::new(context.terminal, context.screen(args.plain), queue.len());
    let renewal = Renewal {
        config: context.config,
        cache: context.cache,
        clock: context.clock,
        terminal: context.terminal,
        clients: context.clients,
        deadline,
    };
    thread::scope(|scope| {
        let start = || thread::Builder::new().spawn_scoped(scope, || renewal.work_off(queue)).is_ok();
        // Where no more threads are to be had, fewer do; without any, this one does it.
        if (0..args.jobs).filter(|_| start()).count() == 0 {
            renewal.work_off(queue);
        }
        while !queue.is_done() {
            if context.terminal.is_interrupted() {
                queue.stop("stopped by Ctrl-C");
            } else if deadline.is_over(context.clock) {
                queue.stop("the time for all of it was over");
            }
            progress.show(queue, context.clock);
            queue.wait(GLANCE);
        }
    });
    progress.end();
}
