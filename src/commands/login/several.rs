//! Sign-ins to several tenants, one after the other: each fails or succeeds alone, and Ctrl-C ends the rest.

use serde::Serialize;

use super::again::again;
use super::{entry, sign_in, summary};
use crate::cli::LoginArgs;
use crate::commands::list::Listed;
use crate::commands::trust::Seen;
use crate::commands::{Answer, Context, Report};
use crate::credential::{Settings, Tenant};
use crate::error::{Error, Kind, Result};
use crate::protocol::native::ErrorDetails;
use crate::protocol::{document, native};
use crate::resolve::SignedIn;
use crate::secret::Secret;

/// How one tenant's sign-in ended.
pub(super) struct Ended {
    /// Whose it was.
    pub(super) tenant: Tenant,
    /// What is remembered about the tenant now, and what the sign-in brought.
    pub(super) result: Result<(Settings, SignedIn)>,
}

/// The document (`schemas/logins-v1.schema.json`).
#[derive(Serialize)]
struct Logins<'a> {
    version: u64,
    tenants: Vec<Login<'a>>,
}

/// One tenant of it: its entry, or why there is none.
#[derive(Serialize)]
#[serde(untagged)]
enum Login<'a> {
    Entry(Listed),
    Failed { tenant: &'a str, error: ErrorDetails<'a> },
}

/// Signs in to each of `tenants`, and sums it up.
///
/// # Errors
/// The cache cannot be read for the document.
pub(super) fn run(context: &Context<'_>, tenants: &[Tenant], args: &LoginArgs) -> Result<Report> {
    let screen = context.screen(args.plain);
    // Without the terminal the sign-ins themselves say so.
    let show = |text: &str| drop(context.terminal.show(text));
    let (mut ended, mut seen): (Vec<Ended>, _) = (Vec::new(), Seen::default());
    for (index, tenant) in tenants.iter().enumerate() {
        let result = if context.terminal.is_interrupted() {
            Err(Error::new(Kind::LoginFailed, "not asked any more, after Ctrl-C"))
        } else {
            show(&format!("\n[{} of {}] {tenant}\n", index + 1, tenants.len()));
            let result = sign_in::run(context, tenant, args, &mut seen);
            show(&summary::in_a_line(&result, screen));
            result
        };
        ended.push(Ended { tenant: tenant.clone(), result: result.map_err(|error| error.with_tenant(tenant)) });
    }
    if context.terminal.show(&summary::of_several(&ended, screen)).is_err() {
        errors(&ended).for_each(|(_, error)| context.warnings.add(with_hint(error)));
    }
    let answer = if args.json { logins(context, &ended)? } else { Secret::new(Vec::new()) };
    Ok(Report { answer, failure: failure(&ended, args) })
}

fn logins(context: &Context<'_>, ended: &[Ended]) -> Result<Answer> {
    let tenants = ended.iter().map(|one| login(context, one)).collect::<Result<_>>()?;
    Ok(document(&Logins { version: native::VERSION, tenants }))
}

fn login<'e>(context: &Context<'_>, one: &'e Ended) -> Result<Login<'e>> {
    Ok(match &one.result {
        Ok((settings, _)) => Login::Entry(entry(context, settings)?),
        Err(error) => Login::Failed { tenant: one.tenant.as_str(), error: error.into() },
    })
}

/// What the exit code tells of all: the kind of the first that failed.
fn failure(ended: &[Ended], args: &LoginArgs) -> Option<Error> {
    let (_, first) = errors(ended).next()?;
    let count = errors(ended).count();
    let error =
        Error::new(first.kind(), format!("{count} of {} sign-ins failed, the first because: {first}", ended.len()));
    let helps = |error: &Error| matches!(error.kind(), Kind::LoginFailed | Kind::LoginRequired | Kind::Unavailable);
    let whom: Vec<_> = errors(ended).filter(|(_, error)| helps(error)).map(|(tenant, _)| tenant.as_str()).collect();
    if whom.is_empty() {
        // What is done again in the same way fails again.
        return Some(match first.hint() {
            Some(own) => error.with_hint(own),
            None => error,
        });
    }
    // Whoever was not due before is not due now either, and has to be named.
    let whom = if args.from_config && args.due { vec!["--from-config", "--due"] } else { whom };
    Some(error.with_hint(again(whom, &sign_in::told(args).unwrap_or_default())))
}

fn with_hint(error: &Error) -> String {
    error.hint().map_or_else(|| error.message().to_owned(), |hint| format!("{error}; {hint}"))
}

fn errors(ended: &[Ended]) -> impl Iterator<Item = (&Tenant, &Error)> {
    ended.iter().filter_map(|one| Some((&one.tenant, one.result.as_ref().err()?)))
}
