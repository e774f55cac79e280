//! An installation as companies have it, on this machine: three tenants, Microsoft's identity host and a
//! VB365 server by their real names, and one person's terminal in front of the real program.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::proxy;
use crate::pty::{Finished, Session};
use crate::server::{Names, Options, Sandbox};

pub(crate) const SERVER: &str = "vb365.abc.local";
const IDENTITY: &str = "login.microsoftonline.com";
/// How much a terminal shows: as wide as this page, and as high as nothing scrolls away.
const SIZE: (u16, u16) = (100, 100);
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The stage, with what was played on it so far.
pub(crate) struct Stage {
    program: PathBuf,
    home: TempDir,
    pub(crate) sandbox: Sandbox,
    proxy: String,
}

/// What a person types when the screen shows something.
pub(crate) type Cue<'a> = (&'a str, &'a dyn Fn(&Stage, &Session));

impl Stage {
    /// A machine on which nothing is configured yet, with `program` in front of it.
    pub(crate) fn new(program: PathBuf) -> io::Result<Self> {
        let names = Names {
            server: SERVER.to_owned(),
            identity: IDENTITY.to_owned(),
            page: "https://microsoft.com/devicelogin".to_owned(),
        };
        let sandbox = Sandbox::start(Options {
            names: Some(names),
            organization: "abc.onmicrosoft.com".to_owned(),
            ..Options::default()
        })?;
        let ports: Vec<u16> = sandbox.ports().collect();
        let routes = vec![(format!("{SERVER}:4443"), ports[0]), (format!("{IDENTITY}:443"), ports[1])];
        let proxy = format!("http://{}", proxy::start(routes)?);
        let home = tempfile::tempdir()?;
        fs::write(home.path().join("roots.pem"), sandbox.certificate_pem().unwrap_or_default())?;
        Ok(Self { program, home, sandbox, proxy })
    }

    /// Writes a file of the home directory.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.home.path().join(name), text)
    }

    /// What such a file says.
    pub(crate) fn read(&self, name: &str) -> io::Result<String> {
        fs::read_to_string(self.home.path().join(name))
    }

    /// `text` without where the home directory of this run is.
    pub(crate) fn at_home(&self, text: &str) -> String {
        text.replace(&self.home.path().display().to_string(), "/home/admin")
    }

    /// Runs the program at the terminal, gives each cue its turn, and waits for the end.
    ///
    /// # Errors
    /// What did not show, or did not end, in words.
    pub(crate) fn run(&self, args: &[&str], cues: &[Cue<'_>]) -> Result<Finished, String> {
        let place = |name: &str| self.home.path().join(name).display().to_string();
        let env = [
            ("HOME", place("")),
            ("VB365_HELPER_CONFIG", place("config.toml")),
            ("VB365_HELPER_CACHE_DIR", place("cache")),
            ("SSL_CERT_FILE", place("roots.pem")),
            ("HTTPS_PROXY", self.proxy.clone()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("NO_COLOR", "1".to_owned()),
        ];
        let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let session = Session::start_on(SIZE, &self.program, args, &env, b"");
        for (text, act) in cues {
            session.try_wait_for(text, LIMIT)?;
            act(self, &session);
        }
        session.try_finish(LIMIT)
    }
}

/// What the terminal shows at the end, line by line.
pub(crate) fn seen(finished: &Finished) -> String {
    let (columns, rows) = SIZE;
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    terminal.process(finished.terminal.replace('\n', "\r\n").as_bytes());
    let lines: Vec<_> = terminal.screen().rows(0, columns).map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n").trim_end().to_owned() + "\n"
}
