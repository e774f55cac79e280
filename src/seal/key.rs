//! A key of 256 bits, and the name by which it is found again.

use std::fmt::Write;

use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// How long a key is, in bytes.
pub(super) const LENGTH: usize = 32;
/// How many bytes of a digest name a key: enough to tell a user's keys apart.
const NAME_LENGTH: usize = 8;

/// A key.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; LENGTH]>);

impl Key {
    /// A new one; `None` where the system gives no random numbers.
    #[cfg_attr(not(feature = "secret-service"), allow(dead_code, reason = "a build without a keyring makes none"))]
    pub(super) fn random() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        SystemRandom::new().fill(&mut *bytes).ok()?;
        Some(Self(bytes))
    }

    /// The one that was kept as `bytes`, if it has the length of one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// What is kept, or sealed with.
    pub(super) fn expose(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Its name, which tells nothing of the key itself: the start of a SHA-256, in hexadecimal.
    pub(super) fn name(&self) -> String {
        let mut digest = Context::new(&SHA256);
        digest.update(b"vb365-helper name of a key\0");
        digest.update(self.expose());
        digest.finish().as_ref()[..NAME_LENGTH].iter().fold(String::new(), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
