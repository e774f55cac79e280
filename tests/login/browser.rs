//! One whole sign-in as a person does it: the code is read from the terminal, and entered and approved in
//! a real browser, which is driven by WebDriver (W3C) in plain HTTP.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::seat::{PROMPT, SOON};
use crate::support::{TENANT, can_use_terminals, tool};
use crate::{code_of, json, machine, run};

/// How long the browser may take for one thing, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// The key under which WebDriver names an element (section 12 of the standard).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

#[test]
fn a_person_enters_the_code_in_a_browser_and_the_terminal_sees_it() {
    let Some(browser) = can_use_terminals().then(Browser::start).flatten() else { return };
    let machine = machine(|_| {});
    let session = machine.at_a_terminal(&["login", TENANT]);
    let shown = session.wait_for(PROMPT, SOON);
    let (page, code) = (address_of(&shown), code_of(&shown));

    browser.go_to(page);
    browser.enter("#code", "WRONG");
    assert_eq!(browser.text_of("#wrong"), "This code is not known. Compare it with the one in your terminal.");
    // Nobody cares for capital letters.
    browser.enter("#code", &code.to_lowercase());
    let asked = browser.text_of("dl");
    for said in ["admin@abc.onmicrosoft.com", "Microsoft Azure CLI", code] {
        assert!(asked.contains(said), "{said} is missing in: {asked}");
    }
    browser.take_picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("sign-in-page.png"));
    browser.click("button[value=approve]");
    assert_eq!(browser.text_of("h1[role=status]"), "You are signed in");

    let finished = session.finish(SOON);
    assert_eq!((finished.code, &finished.stderr[..]), (Some(0), &b""[..]), "{finished:?}");
    assert_eq!(json(&run(&machine, &["get", TENANT]).stdout)["source"], "cache");
    assert_eq!(machine.sandbox.complaints(), Vec::<String>::new());
}

/// Where the prompt sends a person.
fn address_of(shown: &str) -> &str {
    shown.lines().find_map(|line| line.trim().strip_prefix("open ")).unwrap().trim()
}

/// A browser without a window, and its driver; both end with it.
struct Browser {
    driver: Child,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// `None` where this machine has none, which is said.
    fn start() -> Option<Self> {
        let (driver, program) = (tool("chromedriver")?, tool("chromium")?);
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(driver);
        command
            .arg("--port=0")
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let mut driver = command.stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        let port = port_of(&mut driver);
        let mut browser = Self { driver, session: format!("http://127.0.0.1:{port}/session"), _profile: profile };
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": {
            "binary": program,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=800,700",
                // It calls nobody but this machine.
                "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        } } } });
        let started = browser.ask("", Some(&wanted));
        browser.session = format!("{}/{}", browser.session, started["sessionId"].as_str().unwrap());
        // A page that is still on its way is waited for.
        browser.ask("/timeouts", Some(&json!({ "implicit": 10_000 })));
        Some(browser)
    }

    fn go_to(&self, page: &str) {
        self.ask("/url", Some(&json!({ "url": page })));
    }

    /// Types `text` there and presses Return.
    fn enter(&self, place: &str, text: &str) {
        let text = format!("{text}\u{e007}");
        self.ask(&format!("/element/{}/value", self.find(place)), Some(&json!({ "text": text })));
    }

    fn click(&self, place: &str) {
        self.ask(&format!("/element/{}/click", self.find(place)), Some(&json!({})));
    }

    fn text_of(&self, place: &str) -> String {
        self.ask(&format!("/element/{}/text", self.find(place)), None).as_str().unwrap().to_owned()
    }

    fn take_picture(&self, file: &Path) {
        let picture = self.ask("/screenshot", None);
        fs::write(file, STANDARD.decode(picture.as_str().unwrap()).unwrap()).unwrap();
    }

    fn find(&self, place: &str) -> String {
        let found = self.ask("/element", Some(&json!({ "using": "css selector", "value": place })));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// One command of WebDriver: POST with a body, GET without.
    fn ask(&self, command: &str, body: Option<&Value>) -> Value {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let (agent, url) = (ureq::Agent::from(agent), format!("{}{command}", self.session));
        let answer = match body {
            Some(body) => agent.post(&url).header("content-type", "application/json").send(body.to_string()),
            None => agent.get(&url).call(),
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{command}: {error}"));
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        assert!(answer.status().is_success(), "{command}: {text}");
        json(text.as_bytes())["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let agent = ureq::Agent::config_builder().timeout_global(Some(SOON)).build();
        let _ = ureq::Agent::from(agent).delete(&self.session).call();
        if let Some(group) = i32::try_from(self.driver.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}

/// The port that the driver has chosen, which it says once it listens.
fn port_of(driver: &mut Child) -> u16 {
    let (said, heard) = mpsc::channel();
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    // To the end: a pipe that nobody reads would hold it.
    thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(said.send(line))));
    loop {
        let line = heard.recv_timeout(PATIENCE).expect("the driver does not start");
        if let Some(port) = line.strip_prefix("ChromeDriver was started successfully on port ") {
            return port.trim_end_matches('.').parse().unwrap();
        }
    }
}
