//! How callers speak to the program: each file knows one wire form, and nothing but it does.
//! A protocol knows requests and credentials, and nothing of where tokens come from.

mod fields;
pub mod native;
#[cfg(test)]
mod tests;
