//! A form body, read as strictly as it can be: the right media type, each field once, none that is
//! not known.

use std::collections::BTreeMap;

use super::http::Request;

/// The fields of a form.
#[derive(Debug)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads the body of `request`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(request: &Request) -> Result<Self, String> {
        let media_type = request.header("content-type").unwrap_or("none");
        if media_type.split(';').next() != Some("application/x-www-form-urlencoded") {
            return Err(format!("the media type is {media_type}, not application/x-www-form-urlencoded"));
        }
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&request.body) {
            if fields.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(format!("field {name} is there twice"));
            }
        }
        Ok(Self(fields))
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// It is not.
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
            Some(name) => Err(format!("field {name} is not known here")),
            None => Ok(()),
        }
    }
}
