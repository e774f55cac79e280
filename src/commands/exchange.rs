//! One exchange with a program: its protocol is found out, its request read, done and answered in the
//! same protocol.

use std::ffi::OsStr;
use std::time::Duration;

use super::{Answer, Context, LOCK_TIMEOUT, erase, get, read_request, store};
use crate::cli::{BeforeArgs, CallerArgs, EraseArgs, GetArgs, Later, ProgramCommand, StoreArgs};
use crate::error::{Error, Result};
use crate::host::{Clock, Deadline, Input};
use crate::protocol::{Action, Asked, Call, Flags, Protocol, Stdin, Variables};
use crate::resolve::SILENT_TIMEOUT;

/// How long what is to be stored is waited for: who pipes it in may first have somebody sign in.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What a program asked for in its arguments.
pub struct Exchange {
    action: Action,
    /// Where it is named.
    protocol: Option<&'static Protocol>,
    /// The tenant, or what else the protocol takes as an argument.
    subject: Option<String>,
    flags: Flags,
}

/// What a program asked for, understood.
pub struct Understood {
    /// The protocol that it is answered in.
    pub protocol: &'static Protocol,
    asked: Result<Asked>,
    /// When a call that needs no person is over.
    deadline: Deadline,
}

impl Exchange {
    /// The same with what stands before the command, where it does not say the same behind it.
    #[must_use]
    pub fn or(mut self, before: BeforeArgs) -> Self {
        self.protocol = self.protocol.or_else(|| before.caller.protocol());
        self.flags.tenant = self.flags.tenant.or(before.caller.for_tenant);
        self.flags.interactive = self.flags.interactive.or(before.interactive.map(Into::into));
        self
    }

    fn new(action: Action, subject: Option<String>, flags: Flags, caller: CallerArgs) -> Self {
        Self { action, protocol: caller.protocol(), subject, flags: Flags { tenant: caller.for_tenant, ..flags } }
    }

    /// Finds out the protocol and reads the request. What cannot be done anyway, because of `trouble`, is
    /// not waited for; but other tools' protocols want to be read to their end.
    pub fn understand(
        self,
        program: &OsStr,
        variables: Variables<'_>,
        stdin: &mut dyn Input,
        clock: &dyn Clock,
        trouble: Option<&Error>,
    ) -> Understood {
        let start = clock.elapsed();
        let Self { action, protocol, subject, flags } = self;
        let timeout = flags.timeout;
        let limit = match action {
            Action::Get => timeout.unwrap_or(SILENT_TIMEOUT),
            Action::Store => PATIENCE,
            Action::Erase => LOCK_TIMEOUT,
        };
        let reading = if action == Action::Get { Protocol::reading_limit(protocol, timeout, limit) } else { limit };
        let mut read = || read_request(stdin, clock, Deadline::after(clock, reading));
        let mut call = Call { action, program, variables, subject, flags, stdin: Stdin::new(&mut read) };
        let protocol = protocol.unwrap_or_else(|| Protocol::of(&mut call));
        let asked = match trouble.filter(|_| protocol.failure.is_some()) {
            Some(trouble) => Err(trouble.clone()),
            None => protocol.read(&mut call),
        };
        let limit = asked.as_ref().ok().and_then(Asked::timeout).unwrap_or(limit);
        Understood { protocol, asked, deadline: Deadline::since(start, limit) }
    }
}

impl From<ProgramCommand> for Exchange {
    fn from(command: ProgramCommand) -> Self {
        match command {
            ProgramCommand::Get(Later(args)) => args.into(),
            ProgramCommand::Store(Later(args)) => args.into(),
            ProgramCommand::Erase(Later(args)) => args.into(),
        }
    }
}

impl From<GetArgs> for Exchange {
    fn from(args: GetArgs) -> Self {
        let GetArgs { subject, server, want, min_ttl, interactive, timeout, explain: _, caller } = args;
        let (want, interactive) = (want.map(Into::into), interactive.map(Into::into));
        let flags = Flags { server, want, min_ttl, interactive, timeout, ..Flags::default() };
        Self::new(Action::Get, subject, flags, caller)
    }
}

impl From<StoreArgs> for Exchange {
    fn from(StoreArgs { subject, server, caller }: StoreArgs) -> Self {
        Self::new(Action::Store, subject, Flags { server, ..Flags::default() }, caller)
    }
}

impl From<EraseArgs> for Exchange {
    fn from(EraseArgs { subject, server, access_only, all, caller }: EraseArgs) -> Self {
        Self::new(Action::Erase, subject, Flags { server, access_only, all, ..Flags::default() }, caller)
    }
}

impl Understood {
    /// Does what was asked.
    ///
    /// # Errors
    /// Every kind.
    pub fn answer(self, context: &Context<'_>) -> Result<Answer> {
        let deadline = self.deadline;
        match self.asked? {
            Asked::Get(request, write) => get::run(context, request, write, deadline),
            Asked::GetFor(request, write) => get::run_for(context, request, write, deadline),
            Asked::Store(request, write) => store::run(context, &request, write),
            Asked::StoreFor(host, token, answer) => store::run_for(context, &host, &token, answer),
            Asked::Erase(request, write) => erase::run(context, &request, write),
            Asked::EraseFor(request, answer) => erase::run_for(context, &request, answer),
            Asked::EraseAll(answer) => erase::all(context, answer),
            Asked::Nothing(answer) => Ok(answer),
        }
    }
}
