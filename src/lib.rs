//! Hands out OAuth tokens for the REST API of Veeam Backup for Microsoft 365 to whatever tool asks.
//!
//! Arrows point one way: `run` -> protocol, commands, resolve -> entra, veeam, cache -> http, host,
//! credential -> secret, error.

pub mod credential;
pub mod error;
pub mod host;
pub mod secret;
pub mod text;
