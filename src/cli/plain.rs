//! The calls that programs make all day: `get`, with flags spelled in full. For them alone clap would build and drop
//! its tree of arguments, which costs more than the answer. What is not plain here is left to clap, every mistake
//! among it, and a test holds that clap understands the rest in the same way.

use std::ffi::OsString;
use std::str::FromStr;

use clap::ValueEnum;

use super::{BeforeArgs, Cli, Command, GetArgs, Later, ProgramCommand, duration, server};
use crate::protocol::Protocol;

/// The arguments of a plain `get`, the program's name among them; `None` where clap has to look.
pub(super) fn get(args: &[OsString]) -> Option<Cli> {
    let mut words = args.iter().skip(1).map(|word| word.to_str().filter(|word| !word.is_empty()));
    if words.next()?? != "get" {
        return None;
    }
    let (mut config, mut get) = (None, GetArgs::default());
    while let Some(word) = words.next() {
        let word = word?;
        if !word.starts_with('-') {
            once(&mut get.subject, word.to_owned())?;
            continue;
        }
        if word == "--explain" && !get.explain {
            get.explain = true;
            continue;
        }
        let (flag, value) = match word.split_once('=') {
            Some(parts) => parts,
            None => (word, words.next()??),
        };
        if value.is_empty() || value.starts_with('-') {
            return None;
        }
        match flag {
            "--config" => once(&mut config, value.into()),
            "--server" => once(&mut get.server, server(value).ok()?),
            "--want" => once(&mut get.want, one_of(value)?),
            "--min-ttl" => once(&mut get.min_ttl, duration(value).ok()?),
            "--interactive" => once(&mut get.interactive, one_of(value)?),
            "--timeout" => once(&mut get.timeout, duration(value).ok()?),
            "--protocol" => once(&mut get.caller.protocol, Protocol::named(value)?.name.to_owned()),
            "--tenant" => once(&mut get.caller.for_tenant, FromStr::from_str(value).ok()?),
            _ => None,
        }?;
    }
    let command = Command::Program(ProgramCommand::Get(Later(get)));
    Some(Cli { config, before: BeforeArgs::default(), command })
}

/// Sets what was not said before.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn one_of<T: ValueEnum>(value: &str) -> Option<T> {
    T::from_str(value, false).ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use proptest::prelude::*;

    use super::*;

    /// Words that mean something to `get`, in the right place and in the wrong one.
    fn word() -> impl Strategy<Value = String> {
        let flags = [
            "--config",
            "--server",
            "--want",
            "--min-ttl",
            "--interactive",
            "--timeout",
            "--protocol",
            "--tenant",
            "--explain",
            "--help",
            "--version",
            "-h",
            "--",
            "-",
            "--jason",
        ];
        let values = [
            "get",
            "erase",
            "abc.onmicrosoft.com",
            "https://vb365.abc.local:4443",
            "vb365.abc.local",
            "veeam",
            "entra",
            "5m",
            "never",
            "auto",
            "kubernetes",
            "native",
            "header",
            "Native",
            "c.toml",
            "",
            "ö",
            "-1s",
            "a b",
        ];
        let flag = prop::sample::select(flags.to_vec()).prop_map(str::to_owned);
        let value = prop::sample::select(values.to_vec()).prop_map(str::to_owned);
        let joined = (flag.clone(), value.clone()).prop_map(|(flag, value)| format!("{flag}={value}"));
        prop_oneof![2 => flag, 3 => value, 1 => joined]
    }

    /// Flags with values that fit, among which a stray word may stand.
    fn sentence() -> impl Strategy<Value = Vec<String>> {
        let pair = prop::sample::select(vec![
            ["--config", "c.toml"],
            ["--server", "vb365.abc.local"],
            ["--want", "entra"],
            ["--min-ttl", "5m"],
            ["--interactive", "never"],
            ["--timeout", "20s"],
            ["--protocol", "header"],
            ["--tenant", "abc.onmicrosoft.com"],
        ]);
        let said = prop_oneof![
            8 => pair.clone().prop_map(|pair| pair.map(str::to_owned).to_vec()),
            4 => pair.prop_map(|[flag, value]| vec![format!("{flag}={value}")]),
            2 => Just(vec!["abc.onmicrosoft.com".to_owned()]),
            1 => Just(vec!["--explain".to_owned()]),
            2 => word().prop_map(|word| vec![word]),
        ];
        prop::collection::vec(said, 0..6).prop_map(|said| said.concat())
    }

    fn call(words: &[String]) -> Vec<OsString> {
        ["vb365-helper", "get"].iter().map(OsString::from).chain(words.iter().map(OsString::from)).collect()
    }

    fn assert_same(words: &[String]) -> bool {
        let args = call(words);
        let Some(plain) = get(&args) else { return false };
        let by_clap = Cli::try_parse_from(&args).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        assert_eq!(format!("{plain:?}"), format!("{by_clap:?}"), "{words:?}");
        true
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn clap_understands_what_is_plain_in_the_same_way(words in sentence()) {
            assert_same(&words);
        }

        #[test]
        fn clap_takes_whatever_is_plain(words in prop::collection::vec(word(), 0..5)) {
            assert_same(&words);
        }
    }

    #[test]
    fn what_programs_call_is_plain() {
        for words in [
            "",
            "abc.onmicrosoft.com",
            "abc.onmicrosoft.com --protocol kubernetes --interactive=never",
            "--config c.toml --tenant abc.onmicrosoft.com --server vb365.abc.local --want entra --min-ttl 5m --timeout 9s",
            "abc.onmicrosoft.com --explain",
        ] {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            assert!(assert_same(&words), "{words:?}");
        }
    }

    #[test]
    fn mistakes_and_questions_are_claps() {
        for words in [
            "a b",
            "--explain --explain",
            "--want veem",
            "--timeout",
            "--tenant=",
            "--help",
            "-h",
            "a -- b",
            "--timeout -1s",
        ] {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            assert!(get(&call(&words)).is_none(), "{words:?}");
        }
        assert!(get(&["vb365-helper", "list"].map(OsString::from)).is_none());
    }
}
