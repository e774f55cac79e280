//! A form body, read as strictly as it can be: the right media type, each field once, none that is
//! not known. What it says about a mistake never repeats a value, which may be a token.

use std::collections::BTreeMap;

use super::http::Request;

/// The fields of a form; without `Debug`, for the tokens among them.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads the body of `request`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(request: &Request) -> Result<Self, String> {
        let media_type = request.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(format!("the media type is {}, not application/x-www-form-urlencoded", word(media_type)));
        }
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&request.body) {
            if fields.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(format!("field {} is there twice", word(&name)));
            }
        }
        Ok(Self(fields))
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// It is not, or it is empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, String> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| format!("field {name} is missing"))
    }

    /// A field that may be there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Checks that there is no other field.
    ///
    /// # Errors
    /// There is.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("field {} is not known here", word(name))),
            None => Ok(()),
        }
    }
}

/// `text` if it can only be a name: a token in the wrong place must not reach a log.
pub(super) fn word(text: &str) -> &str {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || matches!(letter, '_' | '-' | ':' | '/');
    match text {
        "" => "empty",
        _ if text.len() <= 64 && text.chars().all(is_plain) => text,
        _ => "something else",
    }
}
