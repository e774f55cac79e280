//! What goes wrong without ending a call: collected on the way and written to stderr at its end,
//! whether the call succeeded or not.

use std::cell::RefCell;

/// The warnings of one call, each one line for a person, without secrets.
#[derive(Debug, Default)]
pub struct Warnings(RefCell<Vec<String>>);

impl Warnings {
    /// Adds one, unless it was said already.
    pub fn add(&self, warning: impl Into<String>) {
        let (warning, mut warnings) = (warning.into(), self.0.borrow_mut());
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// All of them, in order.
    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }
}
