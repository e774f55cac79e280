//! What both systems remember: codes, tokens and what they were asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

use super::faults::Fault;

/// Letters and digits that nobody mixes up.
const CODE_LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

/// The memory of both systems.
#[derive(Default)]
pub(super) struct State {
    /// By device code.
    pub(super) codes: BTreeMap<String, Code>,
    /// Microsoft's access tokens that still are assertions, with their end.
    pub(super) entra_access: BTreeMap<String, Instant>,
    /// Microsoft's refresh tokens, with the application they belong to: rotation leaves the old ones valid.
    pub(super) entra_refresh: BTreeMap<String, String>,
    /// The VB365 server's access tokens, with their end.
    pub(super) veeam_access: BTreeMap<String, Instant>,
    /// The VB365 server's refresh tokens: each is good once.
    pub(super) veeam_refresh: BTreeSet<String>,
    /// Those that were good once, to tell a token spent twice from one that was revoked.
    pub(super) veeam_spent: BTreeSet<String>,
    /// Refresh tokens of both systems that were refused: to offer one again is a mistake.
    pub(super) refused: BTreeSet<String>,
    /// How many requests each endpoint had.
    pub(super) requests: BTreeMap<&'static str, usize>,
    /// What was refused because the request was wrong, in words without tokens.
    pub(super) complaints: Vec<String>,
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    issued: usize,
}

/// A device code and what became of it.
pub(super) struct Code {
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) ends: Instant,
    pub(super) interval: Duration,
    pub(super) last_poll: Option<Instant>,
    /// What the person said.
    pub(super) decision: Option<bool>,
    serial: usize,
}

/// What a code that a person entered turns out to be.
pub(super) enum Entered<'a> {
    Open(&'a mut Code),
    Expired,
    Decided,
    Unknown,
}

impl State {
    /// Counts a request and takes the fault that waits for it.
    pub(super) fn enter(&mut self, endpoint: &'static str) -> Option<Fault> {
        *self.requests.entry(endpoint).or_default() += 1;
        self.faults.get_mut(endpoint)?.pop_front()
    }

    /// Lets `fault` wait behind those that already do.
    pub(super) fn queue(&mut self, endpoint: &'static str, fault: Fault) {
        self.faults.entry(endpoint).or_default().push_back(fault);
    }

    pub(super) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    pub(super) fn faults_waiting(&self) -> usize {
        self.faults.values().map(VecDeque::len).sum()
    }

    pub(super) fn expire_entra(&mut self) {
        self.entra_access.clear();
    }

    pub(super) fn expire_veeam(&mut self) {
        self.veeam_access.clear();
    }

    pub(super) fn revoke_entra(&mut self) {
        self.entra_refresh.clear();
    }

    pub(super) fn revoke_veeam(&mut self) {
        self.veeam_refresh.clear();
    }

    /// A new device code with its user code.
    pub(super) fn issue_code(&mut self, client_id: &str, life: u64, interval: u64, approved: bool) -> (String, String) {
        let device_code = self.secret("device");
        let letter = |byte: u8| char::from(CODE_LETTERS[usize::from(byte) % CODE_LETTERS.len()]);
        let user_code: String = random::<9>().into_iter().map(letter).collect();
        let code = Code {
            user_code: user_code.clone(),
            client_id: client_id.to_owned(),
            ends: Instant::now() + Duration::from_secs(life),
            interval: Duration::from_secs(interval),
            last_poll: None,
            decision: approved.then_some(true),
            serial: self.issued,
        };
        self.codes.insert(device_code.clone(), code);
        (device_code, user_code)
    }

    /// A token that nobody can guess and that tells what it is.
    pub(super) fn secret(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("{kind}-{}-{}", self.issued, URL_SAFE_NO_PAD.encode(random::<24>()))
    }

    /// The code that a person entered, in any case and grouping.
    pub(super) fn entered(&mut self, entered: &str) -> Entered<'_> {
        let entered: String = entered.chars().filter(char::is_ascii_alphanumeric).collect();
        let found = self.codes.values_mut().find(|code| code.user_code.eq_ignore_ascii_case(&entered));
        match found {
            None => Entered::Unknown,
            Some(code) if code.decision.is_some() => Entered::Decided,
            Some(code) if code.ends <= Instant::now() => Entered::Expired,
            Some(code) => Entered::Open(code),
        }
    }

    pub(super) fn open_codes(&self) -> usize {
        let now = Instant::now();
        self.codes.values().filter(|code| code.is_open(now)).count()
    }

    /// Approves or declines the newest open code; false where there is none.
    pub(super) fn decide_newest(&mut self, approve: bool) -> bool {
        let now = Instant::now();
        let open = self.codes.values_mut().filter(|code| code.is_open(now));
        let newest = open.max_by_key(|code| code.serial);
        newest.map(|code| code.decision = Some(approve)).is_some()
    }
}

impl Code {
    fn is_open(&self, now: Instant) -> bool {
        self.decision.is_none() && self.ends > now
    }
}

/// An identifier in the form of a UUID (RFC 9562 section 5.4).
pub(super) fn uuid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = bytes.map(|byte| format!("{byte:02x}")).concat();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Tokens that can be guessed would be no worse here, where nothing real is guarded.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}
