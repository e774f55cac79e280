//! `refresh`: renews ahead of time, many tenants at once. It never asks a person and hands out no token; one
//! tenant's failure stops no other, and what needs a person is told at the end.

mod progress;
mod queue;
mod renewal;
mod report;

use std::thread;
use std::time::Duration;

use chrono::TimeDelta;

use self::progress::Progress;
use self::queue::{Job, Queue};
use self::renewal::Renewal;
use super::list::Listed;
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
    let tenants = if args.all { context.cache.tenants()? } else { args.tenants.clone() };
    let (due, not_due): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|tenant| is_due(context, args, tenant));
    let queue = Queue::new(due.iter().map(|tenant| Job::new(context.config, tenant)));
    let deadline = Deadline::after(context.clock, args.timeout);
    context.terminal.catch_interrupts();
    renew(context, args, &queue, deadline);
    let (outcomes, warnings) = queue.into_outcomes();
    warnings.into_iter().for_each(|warning| context.warnings.add(warning));
    Ok(report::of(outcomes, &not_due, args.json))
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
            progress.show(queue);
            queue.wait(GLANCE);
        }
    });
    progress.end();
}

/// Whether the tenant's sign-in would end within the time that was asked for. What cannot be told is due.
fn is_due(context: &Context<'_>, args: &RefreshArgs, tenant: &Tenant) -> bool {
    let Some(within) = args.due_within else { return true };
    let now = context.clock.now();
    let within = TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX);
    let settings = context.config.settings(tenant).ok();
    let Ok(found) = context.cache.read(tenant) else { return true };
    let needed = Listed::new(&found.entry, settings.as_ref(), now).sign_in_needed_by(now);
    needed.is_none_or(|needed| now.checked_add_signed(within).is_none_or(|end| needed <= end))
}
