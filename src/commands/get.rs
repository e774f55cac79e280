//! `get`: one credential. Stdin is read only when no tenant is named, so that a program started
//! with an open, silent stdin never hangs.

use super::{Answer, Context, or_an_argument, read_request};
use crate::cli::GetArgs;
use crate::credential::Request;
use crate::error::Result;
use crate::host::{Deadline, Input};
use crate::protocol::native;
use crate::resolve::{Ladder, SILENT_TIMEOUT};

/// Answers a request from the arguments or from stdin.
///
/// # Errors
/// Every kind.
pub fn run(context: &Context<'_>, args: GetArgs, stdin: &mut dyn Input) -> Result<Answer> {
    let deadline = Deadline::after(context.clock, args.timeout.unwrap_or(SILENT_TIMEOUT));
    let request = request(context, args, stdin, deadline)?;
    let answer = || {
        let settings = context.config.settings(&request.tenant)?;
        let ladder =
            Ladder::new(&settings, &request, context.cache, context.clock, context.terminal, context.warnings)?;
        Ok(native::credential(&ladder.get(deadline)?))
    };
    answer().map_err(|error: crate::error::Error| error.with_tenant(&request.tenant))
}

fn request(context: &Context<'_>, args: GetArgs, stdin: &mut dyn Input, deadline: Deadline) -> Result<Request> {
    let Some(tenant) = args.tenant else {
        let text = read_request(stdin, context.clock, deadline).map_err(or_an_argument)?;
        let mut request = native::read_get(text.expose())?;
        // What the caller's configuration says outweighs what its request does.
        request.interactive = args.interactive.map_or(request.interactive, Into::into);
        request.timeout = args.timeout.map(|_| deadline.left(context.clock));
        return Ok(request);
    };
    Ok(Request {
        tenant,
        server: args.server,
        want: args.want.map(Into::into).unwrap_or_default(),
        min_ttl: args.min_ttl,
        interactive: args.interactive.map(Into::into).unwrap_or_default(),
        refused_token: None,
        timeout: args.timeout,
    })
}
