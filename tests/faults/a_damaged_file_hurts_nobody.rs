//! A tenant's file with anything wrong in it: nothing panics, nothing of it is shown, the tenant is
//! listed and erased as ever, and no other tenant notices. A hundred thousand mutations of a real
//! entry are listed, asked for or erased in turn; in the long run each of them is all three.

use std::fs::{self, File};
use std::ops::Range;

use serde_json::{Value, json};

use crate::support::inside::ManualClock;
use crate::support::{Home, Outcome, TENANT, entra, is_long, rounds, tell, veeam};

const OTHER: &str = "def.onmicrosoft.com";
/// Nobody listens there: what looks like a reason to renew ends at once.
const NOBODY: &str = "http://127.0.0.1:1";
/// Bytes that mean something in JSON, or nothing anywhere.
const ODD: [u8; 12] = [0x00, 0xff, b'"', b'{', b'}', b'[', b']', b',', b':', b'\\', b'9', b'e'];

/// Two tenants, of which the first one's file is going to be damaged.
struct Neighbours {
    home: Home,
    clock: ManualClock,
    entry: Vec<u8>,
    others_entry: Vec<u8>,
}

impl Neighbours {
    fn new() -> Self {
        let home = Home::new();
        home.write_config(&format!(
            "[defaults]\nserver = \"{NOBODY}\"\nauthority = \"{NOBODY}\"\napi_version = \"v8\"\n[tenants.\"{TENANT}\"]\n"
        ));
        let clock = ManualClock::new();
        for tenant in [TENANT, OTHER] {
            let request =
                json!({ "version": 1, "tenant": tenant, "entra": entra("1"), "server": NOBODY, "veeam": veeam("1") });
            home.run_inside(&clock, &["store"], request.to_string().as_bytes()).answer();
        }
        let read = |tenant: &str| fs::read(home.cache_dir().join(format!("{tenant}.json"))).unwrap();
        Self { entry: read(TENANT), others_entry: read(OTHER), home, clock }
    }

    /// Puts `content` into the file, and sees that everything goes on.
    fn survive(&self, content: &[u8], what: &str) {
        fs::write(self.home.cache_file(), content).unwrap();
        self.survive_what_is_there(what);
    }

    fn survive_what_is_there(&self, what: &str) {
        self.is_listed(what);
        self.is_asked_for(what);
        self.is_erased(what);
    }

    /// The same in one of the three ways, the `n`th.
    fn survive_once(&self, n: usize, content: &[u8], what: &str) {
        if is_long() {
            return self.survive(content, what);
        }
        fs::write(self.home.cache_file(), content).unwrap();
        match n % 3 {
            0 => self.is_listed(what),
            1 => self.is_asked_for(what),
            _ => self.is_erased(what),
        }
    }

    fn run(&self, args: &[&str], what: &str) -> Outcome {
        let outcome = self.home.run_inside(&self.clock, args, b"");
        assert!(!outcome.stderr.contains("canary"), "{what}: {outcome:?}");
        assert!(outcome.code == 0 || !outcome.stdout.contains("canary"), "{what}: {outcome:?}");
        outcome
    }

    fn is_listed(&self, what: &str) {
        let outcome = self.run(&["list", "--json"], what);
        assert_eq!(outcome.code, 0, "{what}: {outcome:?}");
        let listed = outcome.document();
        let tenants = listed["tenants"].as_array().unwrap();
        let is_other = |tenant: &&Value| tenant["tenant"] == OTHER && tenant["state"] == "valid";
        assert!(tenants.len() == 2 && tenants.iter().any(|tenant| is_other(&tenant)), "{what}: {listed}");
    }

    fn is_asked_for(&self, what: &str) {
        let outcome = self.run(&["get", TENANT, "--interactive", "never"], what);
        assert!(matches!(outcome.code, 0 | 3 | 6 | 7), "{what}: {outcome:?}");
    }

    fn is_erased(&self, what: &str) {
        let outcome = self.run(&["erase", TENANT, "--access-only"], what);
        assert!(matches!(outcome.code, 0 | 7), "{what}: {outcome:?}");
        let outcome = self.run(&["erase", TENANT], what);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{what}: {outcome:?}");
        assert!(!self.home.cache_file().exists(), "{what}: it is still there");
        let others = fs::read(self.home.cache_dir().join(format!("{OTHER}.json"))).unwrap();
        assert!(others == self.others_entry, "{what}: another tenant's file was touched");
    }
}

/// Every how many-th mutation is tried: what is made of bytes is the same everywhere, and a file costs wine a hundred
/// times as much.
const STEP: usize = if cfg!(windows) { 49 } else { 1 };

/// Runs `check` for each number in `all`, on two threads with neighbours of their own; answers how many.
fn each(all: Range<usize>, check: impl Fn(&Neighbours, usize) + Sync) -> usize {
    let middle = all.start.midpoint(all.end);
    std::thread::scope(|scope| {
        for half in [all.start..middle, middle..all.end] {
            scope.spawn(|| {
                let neighbours = Neighbours::new();
                half.step_by(STEP).for_each(|n| check(&neighbours, n));
            });
        }
    });
    all.len()
}

/// Pseudo-random numbers that are the same in every run, for failures that can be repeated (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

#[test]
fn a_hundred_thousand_mutations_hurt_nobody() {
    let length = Neighbours::new().entry.len();
    let mut count = each(0..length, |neighbours, end| {
        neighbours.survive_once(end, &neighbours.entry[..end], &format!("cut after {end}"));
    });
    count += each(0..length * 8, |neighbours, n| {
        let mut content = neighbours.entry.clone();
        content[n / 8] ^= 1 << (n % 8);
        neighbours.survive_once(n, &content, &format!("bit {n} flipped"));
    });
    count += each(0..length * ODD.len(), |neighbours, n| {
        let mut content = neighbours.entry.clone();
        content[n / ODD.len()] = ODD[n % ODD.len()];
        neighbours.survive_once(n, &content, &format!("byte {} set to {}", n / ODD.len(), ODD[n % ODD.len()]));
    });
    count += each(0..rounds(100_000, 300_000) - count, |neighbours, n| {
        neighbours.survive_once(n, &spliced(&neighbours.entry, n), &format!("splice {n}"));
    });
    tell(&format!("damaged entries: {count} mutations of {length} bytes"));
}

/// The entry with some of its pieces copied, moved, repeated or dropped; the same for the same `n`.
fn spliced(entry: &[u8], n: usize) -> Vec<u8> {
    let mut random = Random(n as u64);
    let mut content = entry.to_vec();
    for _ in 0..=random.below(4) {
        let start = random.below(content.len());
        let end = start + random.below((content.len() - start).min(200));
        let piece = content[start..end].to_vec();
        let at = random.below(content.len());
        match random.below(4) {
            0 => drop(content.splice(at..at, piece)),
            1 => drop(content.drain(start..end)),
            2 => drop(content.splice(start..end, piece.repeat(3))),
            _ => content[at] = u8::try_from(random.below(256)).unwrap(),
        }
        content.push(b' ');
    }
    content
}

#[test]
fn a_key_that_stands_twice_hurts_nobody() {
    let neighbours = Neighbours::new();
    let text = String::from_utf8(neighbours.entry.clone()).unwrap();
    let entry: Value = serde_json::from_str(&text).unwrap();
    let mut pairs = Vec::new();
    pairs_of(&entry, &mut pairs);
    assert!(pairs.len() > 20);
    for pair in pairs {
        assert!(text.contains(&pair), "{pair}");
        let twice = text.replacen(&pair, &format!("{pair},{pair}"), 1);
        neighbours.survive(twice.as_bytes(), "a key stands twice");
    }
}

/// Each `"key":value` of `value`, as the file has it.
fn pairs_of(value: &Value, pairs: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                pairs.push(format!("\"{key}\":{value}"));
                pairs_of(value, pairs);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| pairs_of(value, pairs)),
        _ => {}
    }
}

#[test]
fn deep_nesting_hurts_nobody() {
    let neighbours = Neighbours::new();
    let text = String::from_utf8(neighbours.entry.clone()).unwrap();
    for depth in [100, 127, 128, 129, 1000, 100_000, 500_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"token_response\":", "}"), ("[{\"entra\":", "}]")] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let what = format!("{depth} times {open}");
            neighbours.survive(nested.as_bytes(), &what);
            neighbours.survive(open.repeat(depth).as_bytes(), &what);
            neighbours.survive(text.replacen("\"canary-entra-access-1\"", &nested, 1).as_bytes(), &what);
            neighbours.survive(text.replacen("{", &format!("{{\"x\":{nested},"), 1).as_bytes(), &what);
        }
    }
}

#[test]
fn a_file_of_a_hundred_megabytes_hurts_nobody() {
    let neighbours = Neighbours::new();
    for content in [&b""[..], neighbours.entry.as_slice()] {
        fs::write(neighbours.home.cache_file(), content).unwrap();
        File::options().write(true).open(neighbours.home.cache_file()).unwrap().set_len(100 << 20).unwrap();
        let outcome = neighbours.run(&["get", TENANT, "--interactive", "never"], "100 MB");
        outcome.error("login_required");
        assert!(outcome.warnings()[0].ends_with("is damaged and counts as empty: it is larger than 1 MiB"));
        neighbours.survive_what_is_there("100 MB");
    }
}
