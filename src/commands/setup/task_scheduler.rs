//! Windows Task Scheduler: a task of the user's that keeps sign-ins alive, in the form that it imports (Task
//! Scheduler Schema, version 1.2).

use super::edit::Edit;
use super::{Desk, Piece, Wiring, text};
use crate::error::{Error, Kind, Result};

/// The task's name.
const NAME: &str = "vb365-helper refresh";

pub(super) fn wiring(desk: &Desk<'_>) -> Result<Wiring> {
    desk.no_server()?;
    let missing = || {
        Error::new(Kind::BadRequest, "there is no Task Scheduler here: LOCALAPPDATA is not set")
            .with_hint("vb365-helper setup --help")
    };
    let dir = desk.place("LOCALAPPDATA").filter(|dir| dir.is_absolute()).ok_or_else(missing)?;
    let path = dir.join("vb365-helper").join("refresh-task.xml");
    let content = task(&command(desk)?);
    let file = text(&path)?.replace('\'', "''");
    let about = vec![format!("The content of {}:", path.display())];
    let mut next = vec![
        "In PowerShell, once the file is there:".to_owned(),
        format!("Register-ScheduledTask -TaskName '{NAME}' -Xml (Get-Content -Raw -LiteralPath '{file}')"),
        "It runs while you are signed in to Windows, where your tokens can be opened.".to_owned(),
    ];
    if let Some(cache) = desk.place("VB365_HELPER_CACHE_DIR") {
        let cache = text(&std::path::absolute(&cache).unwrap_or(cache))?;
        next.push(format!(
            "A task has no variables of a shell. For the cache: setx VB365_HELPER_CACHE_DIR \"{cache}\""
        ));
    }
    Ok(Wiring { pieces: vec![Piece { about, text: content.clone(), edits: vec![Edit::whole(path, content)] }], next })
}

/// The command of the task; what a shell's environment says about the configuration is an argument there.
fn command(desk: &Desk<'_>) -> Result<Vec<String>> {
    let mut words = desk.refresh();
    if desk.config_flag().is_empty()
        && let Some(path) = desk.place("VB365_HELPER_CONFIG")
    {
        let path = text(&std::path::absolute(&path).unwrap_or(path))?;
        words.splice(1..1, ["--config".to_owned(), path]);
    }
    Ok(words)
}

/// The task that runs `command`. It runs as the user who registers it, in their own session: a password
/// would have to be kept for anything else.
fn task(command: &[String]) -> String {
    let (program, args) = command.split_first().map_or((String::new(), Vec::new()), |(program, args)| {
        (escaped(program), args.iter().map(|arg| escaped(&quoted(arg))).collect())
    });
    format!(
        r#"<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Renews the sign-ins to Veeam Backup for Microsoft 365 once a day: Microsoft's refresh token dies when it is not used for 90 days.</Description>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2026-01-01T05:00:00</StartBoundary>
      <Enabled>true</Enabled>
      <RandomDelay>PT1H</RandomDelay>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <Hidden>true</Hidden>
    <ExecutionTimeLimit>PT1H</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{}</Arguments>
    </Exec>
  </Actions>
</Task>
"#,
        args.join(" ")
    )
}

/// A word as programs of Windows take their command line apart; none of ours ends in a backslash or has a
/// quotation mark.
fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}

/// Text of an XML element in ASCII, which every code page reads as it is.
fn escaped(text: &str) -> String {
    let character = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        c if c.is_ascii() => c.to_string(),
        c => format!("&#x{:x};", u32::from(c)),
    };
    text.chars().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACE: &str = "http://schemas.microsoft.com/windows/2004/02/mit/task";

    #[test]
    fn the_task_has_its_parts_in_the_order_of_the_schema() {
        let xml = task(&["C:\\p\\vb365-helper.exe".to_owned(), "refresh".to_owned()]);
        let document = roxmltree::Document::parse(&xml).unwrap();
        let task = document.root_element();
        assert_eq!((task.tag_name().namespace(), task.attribute("version")), (Some(NAMESPACE), Some("1.2")));
        let parts = |name: &str| -> Vec<_> {
            let node = document.descendants().find(|node| node.has_tag_name((NAMESPACE, name))).unwrap();
            node.children().filter(|node| node.is_element()).map(|node| node.tag_name().name()).collect()
        };
        assert_eq!(parts("Task"), ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]);
        // A sequence, in the order in which Windows exports it.
        assert_eq!(parts("CalendarTrigger"), ["StartBoundary", "Enabled", "RandomDelay", "ScheduleByDay"]);
        assert_eq!(parts("Exec"), ["Command", "Arguments"]);
        let context = task.descendants().find_map(|node| node.attribute("Context"));
        assert_eq!(context, task.descendants().find_map(|node| node.attribute("id")));
        assert!(xml.is_ascii());
    }

    #[test]
    fn paths_reach_the_program_as_they_are() {
        let config = "C:\\Users\\J\u{fc}rgen & <Co>\\my config.toml";
        let xml = task(&["C:\\p & q\\vb365-helper.exe".to_owned(), "--config".to_owned(), config.to_owned()]);
        let document = roxmltree::Document::parse(&xml).unwrap();
        let text = |name| document.descendants().find(|node| node.has_tag_name((NAMESPACE, name))).unwrap().text();
        assert_eq!(text("Command"), Some("C:\\p & q\\vb365-helper.exe"));
        assert_eq!(text("Arguments"), Some(format!("--config \"{config}\"").as_str()));
    }
}
