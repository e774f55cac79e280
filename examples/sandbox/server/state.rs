//! What both systems remember: codes, tokens and what they were asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

use super::Fault;

/// Letters and digits that nobody mixes up.
const CODE_LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

/// The memory of both systems.
pub(super) struct State {
    /// Where a person enters a code.
    pub(super) page: String,
    /// By device code.
    pub(super) codes: BTreeMap<String, Code>,
    /// Microsoft's access tokens that still are assertions, with their end.
    pub(super) entra_access: BTreeMap<String, Instant>,
    /// Microsoft's refresh tokens: rotation leaves the old ones valid.
    pub(super) entra_refresh: BTreeSet<String>,
    /// The VB365 server's access tokens, with their end.
    pub(super) veeam_access: BTreeMap<String, Instant>,
    /// The VB365 server's refresh tokens: each is good once.
    pub(super) veeam_refresh: BTreeSet<String>,
    pub(super) requests: BTreeMap<&'static str, usize>,
    pub(super) faults: BTreeMap<String, VecDeque<Fault>>,
    pub(super) complaints: Vec<String>,
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

impl State {
    pub(super) fn new(authority: &str) -> Self {
        Self {
            page: format!("{authority}/device"),
            codes: BTreeMap::new(),
            entra_access: BTreeMap::new(),
            entra_refresh: BTreeSet::new(),
            veeam_access: BTreeMap::new(),
            veeam_refresh: BTreeSet::new(),
            requests: BTreeMap::new(),
            faults: BTreeMap::new(),
            complaints: Vec::new(),
            issued: 0,
        }
    }

    /// Counts a request and takes the fault that waits for it.
    pub(super) fn enter(&mut self, endpoint: &'static str) -> Option<Fault> {
        *self.requests.entry(endpoint).or_default() += 1;
        self.faults.get_mut(endpoint)?.pop_front()
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

    /// The open code that a person entered, in any case and grouping.
    pub(super) fn open_code(&mut self, entered: &str) -> Option<&mut Code> {
        let entered: String = entered.chars().filter(char::is_ascii_alphanumeric).collect();
        let now = Instant::now();
        self.codes
            .values_mut()
            .find(|code| code.user_code.eq_ignore_ascii_case(&entered) && code.decision.is_none() && code.ends > now)
    }

    /// Approves or declines the newest open code; false where there is none.
    pub(super) fn decide_newest(&mut self, approve: bool) -> bool {
        let open = self.codes.values_mut().filter(|code| code.decision.is_none());
        match open.max_by_key(|code| code.serial) {
            Some(code) => {
                code.decision = Some(approve);
                true
            }
            None => false,
        }
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Tokens that can be guessed would be no worse here, where nothing real is guarded.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}
