//! Words as shells take them for themselves, whatever is in them.

/// `words` as a command of a POSIX shell.
pub fn sh<W: AsRef<str>>(words: &[W]) -> String {
    joined(words, |word| format!("'{}'", word.replace('\'', "'\\''")))
}

/// `words` as a command of PowerShell.
pub fn powershell<W: AsRef<str>>(words: &[W]) -> String {
    format!("& {}", joined(words, |word| format!("'{}'", word.replace('\'', "''"))))
}

fn joined<W: AsRef<str>>(words: &[W], quoted: impl Fn(&str) -> String) -> String {
    let word = |word: &W| match word.as_ref() {
        plain if is_plain(plain) => plain.to_owned(),
        other => quoted(other),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Whether `word` needs no quotes, in any shell and in systemd's units.
pub fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "/.-_:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        assert_eq!(sh(&["/a b/c", "get", "it's", "@-", ""]), r"'/a b/c' get 'it'\''s' '@-' ''");
        assert_eq!(powershell(&[r"C:\a b\c.exe", "it's", "$x"]), r"& 'C:\a b\c.exe' 'it''s' '$x'");
    }
}
