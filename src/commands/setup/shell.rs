//! Words as shells take them for themselves, whatever is in them.

/// `words` as a command of a POSIX shell.
pub(super) fn sh<W: AsRef<str>>(words: &[W]) -> String {
    joined(words, |word| format!("'{}'", word.replace('\'', "'\\''")))
}

/// `words` as a command of PowerShell.
pub(super) fn powershell<W: AsRef<str>>(words: &[W]) -> String {
    format!("& {}", joined(words, |word| format!("'{}'", word.replace('\'', "''"))))
}

fn joined<W: AsRef<str>>(words: &[W], quoted: impl Fn(&str) -> String) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.-_:".contains(c);
    let word = |word: &W| match word.as_ref() {
        plain if !plain.is_empty() && plain.chars().all(is_plain) => plain.to_owned(),
        other => quoted(other),
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
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
