//! systemd: a timer of the user's that keeps sign-ins alive, one tenant's or all. Microsoft's refresh token
//! dies when it is not used for 90 days; a `refresh` a day has it used.

use super::edit::Edit;
use super::{Desk, Piece, Wiring, shell, text};
use crate::credential::Tenant;
use crate::error::{Error, Kind, Result};

const NAME: &str = "vb365-helper-keep";
/// What every unit begins with.
const WHY: &str = "\
# Made by: vb365-helper setup systemd
# Microsoft's refresh token dies when it is not used for 90 days, and a person has to sign in again.
# Once a day the tokens are renewed here.
";
/// What those of one tenant go on with.
const INSTANCE: &str = "\
# What stands behind the @ is the tenant, as it is: systemd-escape would write its '-' as \\x2d, and %i takes no escape back.
";
/// Read at the unit's own lines: only what works without name spaces of its own, which a user's manager
/// may not have; and it must reach the cache, the configuration and the network.
const HARDENING: &str = "\
NoNewPrivileges=yes
UMask=0077
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
";

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    desk.no_server()?;
    if cfg!(windows) {
        return Err(Error::new(Kind::BadRequest, "there is no systemd on Windows")
            .with_hint("vb365-helper setup task-scheduler"));
    }
    let dir = desk.xdg("XDG_CONFIG_HOME").map_or_else(|| Ok(desk.home()?.join(".config")), Ok)?;
    let dir = dir.join("systemd").join("user");
    let tenant = desk.args.tenant.as_ref();
    let whose = if tenant.is_some() { &Whose::TEMPLATE } else { &Whose::ALL };
    let unit = |kind: &str, content: String| {
        let path = dir.join(format!("{}.{kind}", whose.name()));
        let about = vec![format!("The content of {}:", path.display())];
        Piece { about, text: content.clone(), edits: vec![Edit::whole(path, content)] }
    };
    let timer_of = format!("{}{}.timer", whose.name(), tenant.map_or("", Tenant::key));
    let next = vec![
        format!("systemctl --user daemon-reload && systemctl --user enable --now {timer_of}"),
        "It runs while you are signed in to this machine; always with: loginctl enable-linger".to_owned(),
    ];
    Ok(Wiring { pieces: vec![unit("service", whose.service(desk)?), unit("timer", whose.timer())], next })
}

/// Whose sign-ins a pair of units keeps alive.
struct Whose {
    /// As an argument of `refresh`.
    whom: &'static str,
    /// In words.
    words: &'static str,
    is_template: bool,
}

impl Whose {
    const ALL: Self = Self { whom: "--all", words: "all sign-ins", is_template: false };
    const TEMPLATE: Self = Self { whom: "%i", words: "the sign-in of %i", is_template: true };

    fn name(&self) -> String {
        format!("{NAME}{}", if self.is_template { "@" } else { "" })
    }

    /// What both units begin with.
    fn head(&self) -> String {
        let instance = if self.is_template { INSTANCE } else { "" };
        let words = self.words;
        format!("{WHY}{instance}[Unit]\nDescription=Keep {words} to Veeam Backup for Microsoft 365 alive\n")
    }

    fn service(&self, desk: &Desk<'_>) -> Result<String> {
        let mut command: Vec<_> = [desk.program.clone()].into_iter().chain(desk.config_flag()).collect();
        command.iter_mut().for_each(|word| *word = escaped(word));
        Ok(format!(
            "{}Documentation=https://learn.microsoft.com/entra/identity-platform/refresh-tokens\n\n\
             [Service]\nType=oneshot\nExecStart={} refresh {}\n{}\
             # Out of reach (6) may pass; everything else needs a person.\n\
             Restart=on-failure\nRestartSec=15min\nRestartPreventExitStatus=1 2 3 4 5 7 8 9\n{HARDENING}",
            self.head(),
            command.join(" "),
            self.whom,
            environment(desk)?,
        ))
    }

    fn timer(&self) -> String {
        format!(
            "{}\n[Timer]\nOnCalendar=daily\nRandomizedDelaySec=1h\n\
             # A machine that was off makes up for it.\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
            self.head()
        )
    }
}

/// What a shell's environment says about the files: the user's manager does not know it.
fn environment(desk: &Desk<'_>) -> Result<String> {
    let mut lines = String::new();
    let own = |name| (name, desk.place(name).and_then(|place| std::path::absolute(place).ok()));
    let xdg = |name| (name, desk.xdg(name));
    for (name, place) in [
        own("VB365_HELPER_CONFIG"),
        own("VB365_HELPER_CACHE_DIR"),
        own("VB365_HELPER_KEY_FILE"),
        xdg("XDG_CONFIG_HOME"),
        xdg("XDG_DATA_HOME"),
    ] {
        let Some(place) = place else { continue };
        lines += &format!("Environment=\"{name}={}\"\n", inside_quotes(&text(&place)?));
    }
    Ok(lines)
}

/// A word of `ExecStart` (systemd.service, "Command lines").
fn escaped(word: &str) -> String {
    if shell::is_plain(word) {
        return word.to_owned();
    }
    format!("\"{}\"", inside_quotes(word).replace('$', "$$"))
}

fn inside_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_program_as_they_are() {
        assert_eq!(escaped("/usr/bin/vb365-helper"), "/usr/bin/vb365-helper");
        assert_eq!(escaped(""), "\"\"");
        assert_eq!(escaped("/a b/%h/$x/\"\\"), r#""/a b/%%h/$$x/\"\\""#);
    }
}
