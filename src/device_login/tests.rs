//! Sign-ins against an identity platform that answers by script, on a clock that moves only when
//! it is slept through: each poll is told by the second in which it came.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};

use mockito::{Matcher, Mock, Server, ServerGuard};

use super::at_terminal::AtTerminal;
use super::*;
use crate::credential::{Scopes, Trust};
use crate::host::fake::{FakeClock, FakeTerminal};
use crate::http::Client;
use crate::secret::Secret;

const DEVICE_CODE: &str = "canary-device-code";
const TOKENS: &str =
    r#"{"token_type":"Bearer","access_token":"canary-access","refresh_token":"canary-refresh","expires_in":3600}"#;
const PENDING: (usize, &str) = (400, r#"{"error":"authorization_pending","error_codes":[70016]}"#);
const SLOW_DOWN: (usize, &str) = (400, r#"{"error":"slow_down"}"#);
const DONE: (usize, &str) = (200, TOKENS);

/// One identity platform and one person.
struct Scene {
    platform: ServerGuard,
    settings: Settings,
    clock: Arc<FakeClock>,
    terminal: Arc<FakeTerminal>,
    /// When each poll came, in seconds.
    polls: Arc<Mutex<Vec<u64>>>,
}

impl Scene {
    /// A platform that gives a code which lives for `life` seconds, with 5 between two polls.
    fn new(life: u64) -> Self {
        let page = r#""user_code":"ABCD-EFGH","verification_uri":"https://microsoft.com/devicelogin","message":"canary-message""#;
        Self::with_code(200, &format!(r#"{{"device_code":"{DEVICE_CODE}",{page},"expires_in":{life},"interval":5}}"#))
    }

    fn with_code(status: usize, body: &str) -> Self {
        let mut platform = Server::new();
        platform.mock("POST", "/abc.com/oauth2/v2.0/devicecode").with_status(status).with_body(body).create();
        let settings = settings(&platform.url());
        Self { platform, settings, clock: Arc::default(), terminal: Arc::default(), polls: Arc::default() }
    }

    /// The answers to the polls, in order; the last one for all that follow.
    fn answer(&mut self, answers: &[(usize, &str)]) -> Mock {
        self.answer_and(answers, |_| {})
    }

    /// The same; `and` is told the number of each poll, from 1.
    fn answer_and(&mut self, answers: &[(usize, &str)], and: impl Fn(usize) + Send + Sync + 'static) -> Mock {
        let script: VecDeque<(usize, String)> =
            answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let (last, script) = (script.back().unwrap().clone(), Arc::new(Mutex::new(script)));
        let bodies = Arc::new(Mutex::new(String::new()));
        let (clock, polls, body) = (self.clock.clone(), self.polls.clone(), bodies.clone());
        self.platform
            .mock("POST", "/abc.com/oauth2/v2.0/token")
            .match_body(Matcher::AllOf(vec![
                Matcher::UrlEncoded("grant_type".into(), "urn:ietf:params:oauth:grant-type:device_code".into()),
                Matcher::UrlEncoded("client_id".into(), "client".into()),
                Matcher::UrlEncoded("device_code".into(), DEVICE_CODE.into()),
            ]))
            .with_status_code_from_request(move |_| {
                let mut polls = polls.lock().unwrap();
                polls.push(clock.elapsed().as_secs());
                and(polls.len());
                let (status, text) = script.lock().unwrap().pop_front().unwrap_or_else(|| last.clone());
                *bodies.lock().unwrap() = text;
                status
            })
            .with_body_from_request(move |_| body.lock().unwrap().clone().into_bytes())
            .create()
    }

    fn entra(&self) -> Entra {
        Entra::new(Client::new(&Trust::default()).unwrap(), &self.settings)
    }

    /// Signs in; nothing secret is ever shown or told.
    fn sign_in(&self, limit: Option<Duration>) -> Result<EntraTokens, NotSignedIn> {
        let limit = limit.map(|limit| Deadline::after(&*self.clock, limit));
        let server = "https://vb365.abc.local:4443".parse().unwrap();
        let mut prompt = at(&self.terminal, &self.settings);
        let result = {
            let entra = self.entra();
            let sign_in = SignIn { server: Some(&server), limit, ..bare(&entra, &self.settings) };
            run(&sign_in, &*self.clock, &mut prompt, &mut || Ok(()))
        };
        let told = format!("{result:?} {}", self.terminal.text());
        assert!(!told.contains("canary"), "{told}");
        result
    }

    fn polls(&self) -> Vec<u64> {
        self.polls.lock().unwrap().clone()
    }
}

/// A sign-in about which nothing more is said.
fn bare<'a>(entra: &'a Entra, settings: &'a Settings) -> SignIn<'a> {
    SignIn { entra, settings, server: None, account: None, claims: None, limit: None }
}

/// A terminal that shows text alone, on every platform.
fn dumb(name: &str) -> Option<std::ffi::OsString> {
    (name == "TERM").then(|| "dumb".into())
}

/// The prompt at `terminal`.
fn at<'a>(terminal: &'a FakeTerminal, settings: &'a Settings) -> AtTerminal<'a> {
    AtTerminal::new(Person { terminal, variables: &dumb, wishes: Wishes::default() }, settings)
}

fn settings(authority: &str) -> Settings {
    Settings {
        tenant: "abc.com".parse().unwrap(),
        servers: Vec::new(),
        organization: "abc.com".into(),
        api_version: None,
        client_id: "client".into(),
        scopes: Scopes::default(),
        authority: authority.parse().unwrap(),
        trust: Trust::default(),
        min_ttl: Duration::from_secs(300),
        prompt: None,
    }
}

fn failure(result: Result<EntraTokens, NotSignedIn>) -> Error {
    match result {
        Err(NotSignedIn::Failed(error) | NotSignedIn::Untold(error)) => error,
        other => panic!("not a failure: {other:?}"),
    }
}

fn refusal(result: Result<EntraTokens, NotSignedIn>) -> Error {
    match result {
        Err(NotSignedIn::Declined(error)) => error,
        other => panic!("not declined: {other:?}"),
    }
}

const UNUSED: &str = "the code for abc.com was not used in time: nobody signed in, or a policy of the tenant \
                      blocks device codes (the browser then shows AADSTS53003, and an administrator can exclude \
                      the account from that Conditional Access policy)";

fn is_unused(error: &Error) {
    assert_eq!((error.kind(), error.message()), (Kind::LoginFailed, UNUSED));
    assert_eq!((error.hint(), error.tenant()), (Some("vb365-helper login abc.com"), Some("abc.com")));
}

#[test]
fn the_prompt_names_who_signs_in_where_and_warns() {
    let mut scene = Scene::new(900);
    scene.answer(&[DONE]);
    scene.sign_in(None).unwrap();
    let host = scene.platform.host_with_port();
    let expected = format!(
        "
Sign in to Veeam Backup for Microsoft 365

  tenant    abc.com
  identity  {host}
  server    https://vb365.abc.local:4443

  open      https://microsoft.com/devicelogin
  enter     ABCD-EFGH

The code is valid for 15 minutes, for this command alone.
Never enter a code that someone sent you.
Ctrl-C cancels.

"
    );
    assert_eq!(scene.terminal.text(), expected);
    assert_eq!(scene.terminal.shows(), 1);
}

#[test]
fn without_a_server_the_prompt_names_none() {
    let mut scene = Scene::new(60);
    scene.answer(&[DONE]);
    let mut prompt = at(&scene.terminal, &scene.settings);
    run(&bare(&scene.entra(), &scene.settings), &*scene.clock, &mut prompt, &mut || Ok(())).unwrap();
    let text = scene.terminal.text();
    assert!(!text.contains("server") && text.contains("The code is valid for 1 minute, for this"), "{text}");
}

#[test]
fn the_time_shown_is_the_time_that_is_waited() {
    let mut scene = Scene::new(900);
    scene.answer(&[PENDING]);
    is_unused(&failure(scene.sign_in(Some(Duration::from_secs(61)))));
    assert!(scene.terminal.text().contains("valid for 2 minutes"));
    assert_eq!(scene.clock.elapsed(), Duration::from_secs(61));
}

#[test]
fn the_code_is_asked_for_with_scopes_and_the_claims_that_were_demanded() {
    let mut scene = Scene::new(900);
    scene.platform.reset();
    let asked = scene
        .platform
        .mock("POST", "/abc.com/oauth2/v2.0/devicecode")
        .match_body(Matcher::AllOf(vec![
            Matcher::UrlEncoded("client_id".into(), "client".into()),
            Matcher::UrlEncoded("scope".into(), Scopes::default().joined()),
            Matcher::UrlEncoded("claims".into(), r#"{"access_token":{}}"#.into()),
        ]))
        .with_body(r#"{"device_code":"canary-device-code","user_code":"A","verification_uri":"https://m.com"}"#)
        .create();
    scene.answer(&[DONE]);
    let claims = Some(r#"{"access_token":{}}"#);
    run(
        &SignIn { claims, ..bare(&scene.entra(), &scene.settings) },
        &*scene.clock,
        &mut at(&scene.terminal, &scene.settings),
        &mut || Ok(()),
    )
    .unwrap();
    asked.assert();
}

#[test]
fn a_person_who_signs_in_ends_the_wait() {
    let mut scene = Scene::new(900);
    scene.answer(&[PENDING, PENDING, DONE]);
    let tokens = scene.sign_in(None).unwrap();
    assert_eq!(tokens.text().expose(), TOKENS);
    assert_eq!(scene.polls(), [5, 10, 15]);
    // Ctrl-C is looked for ten times a second.
    assert!(scene.clock.sleeps().iter().all(|sleep| *sleep <= Duration::from_millis(100)));
}

#[test]
fn slow_down_adds_five_seconds_for_good() {
    let mut scene = Scene::new(900);
    scene.answer(&[SLOW_DOWN, PENDING, SLOW_DOWN, PENDING, PENDING, DONE]);
    scene.sign_in(None).unwrap();
    assert_eq!(scene.polls(), [5, 15, 25, 40, 55, 70]);
}

#[test]
fn network_trouble_slows_the_polls_down_but_never_ends_the_sign_in() {
    let mut scene = Scene::new(900);
    scene.answer(&[
        (503, ""),
        (200, "<html>sign in to the hotel network</html>"),
        (429, r#"{"error":"temporarily_unavailable"}"#),
        (302, ""),
        (400, r#"{"error":"invalid_grant","error_codes":[50196]}"#),
        PENDING,
        (408, ""),
        (200, "{}"),
        DONE,
    ]);
    scene.sign_in(None).unwrap();
    // 10, 20, 30, 30 and 30 seconds after each fault, 5 after the good answer, then 10 and 20.
    assert_eq!(scene.polls(), [5, 15, 35, 65, 95, 125, 130, 140, 160]);
}

#[test]
fn a_delay_that_the_platform_asks_for_is_kept() {
    let mut scene = Scene::new(900);
    let polls = scene.polls.clone();
    let clock = scene.clock.clone();
    let busy = scene
        .platform
        .mock("POST", "/abc.com/oauth2/v2.0/token")
        .with_status(429)
        .with_header("Retry-After", "45")
        .with_body_from_request(move |_| {
            polls.lock().unwrap().push(clock.elapsed().as_secs());
            Vec::new()
        })
        .create();
    scene.answer(&[DONE]);
    scene.sign_in(None).unwrap();
    busy.assert();
    assert_eq!(scene.polls(), [5, 50]);
}

#[test]
fn a_platform_that_cannot_be_reached_is_asked_until_the_deadline() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = settings(&format!("http://{address}"));
    let (clock, terminal) = (FakeClock::default(), FakeTerminal::default());
    let entra = Entra::new(Client::new(&Trust::default()).unwrap(), &settings);
    let code = DeviceCode {
        device_code: Secret::from(DEVICE_CODE),
        user_code: "A".into(),
        verification_uri: "https://m.com".into(),
        complete_uri: None,
        life: Duration::from_secs(100),
        interval: Duration::from_secs(5),
    };
    let deadline = Deadline::after(&clock, code.life);
    let mut wait =
        Wait { entra: &entra, settings: &settings, code: &code, deadline, clock: &clock, stands: Waiting::ForPerson };
    let error = failure(wait.run(&mut at(&terminal, &settings)));
    is_unused(&error);
    assert_eq!(clock.elapsed(), Duration::from_secs(100));
}

#[test]
fn one_last_poll_comes_at_the_deadline_and_can_still_win() {
    let mut scene = Scene::new(12);
    scene.answer(&[PENDING, PENDING, DONE]);
    scene.sign_in(None).unwrap();
    assert_eq!(scene.polls(), [5, 10, 12]);
}

#[test]
fn after_the_last_poll_the_code_counts_as_unused() {
    for last in [PENDING, SLOW_DOWN, (503, "")] {
        let mut scene = Scene::new(12);
        scene.answer(&[PENDING, PENDING, last]);
        is_unused(&failure(scene.sign_in(None)));
        assert_eq!(scene.polls(), [5, 10, 12]);
    }
}

#[test]
fn a_clock_that_is_set_moves_no_deadline() {
    let mut scene = Scene::new(12);
    let clock = scene.clock.clone();
    scene.answer_and(&[PENDING, PENDING, DONE], move |_| clock.set_now(clock.now() + Duration::from_secs(86_400)));
    scene.sign_in(None).unwrap();
    assert_eq!(scene.polls(), [5, 10, 12]);
}

#[test]
fn a_code_that_the_platform_calls_expired_is_at_its_end() {
    for error in ["expired_token", "code_expired"] {
        let mut scene = Scene::new(900);
        scene.answer(&[PENDING, (400, &format!(r#"{{"error":"{error}","error_codes":[70020]}}"#))]);
        is_unused(&failure(scene.sign_in(None)));
        assert_eq!(scene.polls(), [5, 10]);
    }
}

#[test]
fn who_declines_in_the_browser_is_believed() {
    for error in ["authorization_declined", "access_denied"] {
        let mut scene = Scene::new(900);
        scene.answer(&[PENDING, (400, &format!(r#"{{"error":"{error}"}}"#))]);
        let refusal = refusal(scene.sign_in(None));
        assert_eq!((refusal.kind(), refusal.message()), (Kind::LoginFailed, "the sign-in for abc.com was declined"));
        assert_eq!((refusal.hint(), refusal.tenant()), (None, Some("abc.com")));
        assert_eq!(refusal.cause().unwrap().error.as_deref(), Some(error));
    }
}

#[test]
fn a_code_that_the_platform_does_not_know_ends_the_sign_in() {
    let mut scene = Scene::new(900);
    scene.answer(&[(400, r#"{"error":"bad_verification_code"}"#)]);
    let error = failure(scene.sign_in(None));
    assert_eq!((error.kind(), error.tenant()), (Kind::LoginFailed, Some("abc.com")));
    let host = scene.platform.host_with_port();
    assert_eq!(error.message(), format!("{host} does not know its own code any more"));
}

#[test]
fn any_other_refusal_ends_the_sign_in_with_its_advice() {
    for (body, message, hint) in [
        (
            r#"{"error":"invalid_client","error_description":"AADSTS7000218: no","error_codes":[7000218]}"#,
            "AADSTS7000218: no",
            "set \"Allow public client flows\" in the app registration to yes",
        ),
        // A refresh token would be dead; a sign-in that is under way cannot be mended by another.
        (
            r#"{"error":"invalid_grant","error_codes":[50089]}"#,
            "invalid_grant",
            "have an administrator look the correlation id up in the tenant's sign-in log",
        ),
    ] {
        let mut scene = Scene::new(900);
        scene.answer(&[PENDING, (401, body)]);
        let error = failure(scene.sign_in(None));
        let host = scene.platform.host_with_port();
        assert_eq!((error.kind(), error.hint()), (Kind::Refused, Some(hint)));
        assert_eq!(error.message(), format!("{host} refused abc.com: {message}"));
    }
}

#[test]
fn tokens_that_cannot_be_used_end_the_sign_in_without_being_shown() {
    let mut scene = Scene::new(900);
    scene.answer(&[(200, r#"{"access_token":"canary\r\nX: y","expires_in":3600}"#)]);
    let error = failure(scene.sign_in(None));
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.message().ends_with("access_token is not one word of printable ASCII"), "{error}");
}

fn is_cancelled(error: &Error) {
    assert_eq!((error.kind(), error.message()), (Kind::LoginFailed, "the sign-in for abc.com was cancelled"));
    assert_eq!((error.hint(), error.tenant()), (None, Some("abc.com")));
}

#[test]
fn ctrl_c_right_after_the_prompt_cancels_before_anything_is_asked() {
    let mut scene = Scene::new(900);
    scene.answer(&[DONE]);
    scene.terminal.interrupt_after(1);
    is_cancelled(&refusal(scene.sign_in(None)));
    assert!(scene.polls().is_empty() && scene.clock.sleeps().is_empty());
}

#[test]
fn ctrl_c_between_two_polls_cancels() {
    let mut scene = Scene::new(900);
    let terminal = scene.terminal.clone();
    scene.answer_and(&[PENDING, PENDING, DONE], move |number| {
        if number == 2 {
            terminal.interrupt_after(0);
        }
    });
    is_cancelled(&refusal(scene.sign_in(None)));
    assert_eq!(scene.polls(), [5, 10]);
}

#[test]
fn ctrl_c_cancels_a_poll_that_is_not_answered() {
    let mut scene = Scene::new(900);
    let terminal = scene.terminal.clone();
    let (answer_now, told) = mpsc::channel::<()>();
    let told = Mutex::new(told);
    scene.answer_and(&[DONE], move |_| {
        terminal.interrupt_after(0);
        // The platform keeps silent until the test is over.
        let _ = told.lock().unwrap().recv();
    });
    is_cancelled(&refusal(scene.sign_in(None)));
    drop(answer_now);
}

#[test]
fn a_person_is_not_bothered_with_a_code_that_cannot_be_had() {
    for (status, body, kind, why) in [
        (
            200,
            r#"{"error":"invalid_client","error_codes":[7000218]}"#,
            Kind::Refused,
            "refused abc.com: invalid_client",
        ),
        (
            400,
            r#"{"error":"invalid_request","error_codes":[90002]}"#,
            Kind::Refused,
            "refused abc.com: invalid_request",
        ),
        (400, r#"{"error":"interaction_required"}"#, Kind::Refused, "refused abc.com: interaction_required"),
        (200, "<html>", Kind::Unavailable, "the answer (HTTP 200) is none of the identity platform"),
        (503, r#"{"error":"server_error"}"#, Kind::Unavailable, "server_error"),
        (
            200,
            r#"{"device_code":"canary","user_code":"A","verification_uri":"http://canary.example/x"}"#,
            Kind::Unavailable,
            "verification_uri: only https is allowed (http on loopback alone)",
        ),
        (
            200,
            r#"{"device_code":"canary","user_code":"A","verification_uri":"canary"}"#,
            Kind::Unavailable,
            "verification_uri: not a URL",
        ),
        (
            200,
            r#"{"device_code":"canary\n","user_code":"A","verification_uri":"https://m.com"}"#,
            Kind::Unavailable,
            "device_code is empty or has control characters",
        ),
        (
            200,
            r#"{"device_code":"canary","user_code":"A","verification_uri":"https://m.com","expires_in":0}"#,
            Kind::Unavailable,
            "expires_in is not a positive number of seconds",
        ),
        (
            200,
            r#"{"device_code":"canary","user_code":"\u001b\u0007","verification_uri":"https://m.com"}"#,
            Kind::Unavailable,
            "user_code is empty or longer than 32 characters",
        ),
    ] {
        let scene = Scene::with_code(status, body);
        let error = failure(scene.sign_in(None));
        assert_eq!((error.kind(), error.tenant()), (kind, Some("abc.com")), "{error}");
        assert!(error.message().ends_with(why), "{error}");
        assert_eq!(scene.terminal.shows(), 0);
    }
}

#[test]
fn what_the_platform_calls_a_code_cannot_steer_the_terminal() {
    let mut scene = Scene::with_code(
        200,
        r#"{"device_code":"canary-device-code","user_code":"A\u001b[2J\r\nB\u202e","verification_uri":"https://m.com/\u202e[2J"}"#,
    );
    scene.answer(&[DONE]);
    scene.sign_in(None).unwrap();
    let text = scene.terminal.text();
    assert!(text.contains("  enter     A[2J B\n"), "{text:?}");
    assert!(text.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()), "{text:?}");
}

#[test]
fn a_terminal_that_vanished_ends_the_sign_in_before_any_poll() {
    let mut scene = Scene::new(900);
    scene.answer(&[DONE]);
    scene.terminal.set_available(false);
    let error = failure(scene.sign_in(None));
    assert_eq!((error.kind(), error.tenant()), (Kind::LoginRequired, Some("abc.com")));
    assert!(error.message().starts_with("the terminal cannot be written to: "), "{error}");
    assert!(scene.polls().is_empty());
}
