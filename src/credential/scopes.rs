//! The permissions that a sign-in asks for, with the requirements of the VB365 server's assertion
//! (Veeam, "Authorization for Organizations with Enabled Security Defaults").

/// Permissions to ask for: at least what the VB365 server needs of an assertion.
///
/// Veeam, "Authorization for Organizations with Enabled Security Defaults": one permission to read
/// the directory, one to read users, and `offline_access`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

const DIRECTORY_SCOPES: [&str; 3] = ["Directory.Read.All", "Directory.ReadWrite.All", "Directory.AccessAsUser.All"];
const USER_SCOPES: [&str; 5] =
    ["User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All"];
const REFRESH_SCOPE: &str = "offline_access";

impl Scopes {
    /// Checks the three requirements.
    ///
    /// # Errors
    /// The requirement that is missing, or the scope that cannot be sent.
    pub fn new(scopes: Vec<String>) -> Result<Self, String> {
        // RFC 6749 section 3.3: printable ASCII without space, quote and backslash.
        let sendable = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        if scopes.iter().any(|scope| scope.is_empty() || !scope.chars().all(sendable)) {
            return Err("a scope is empty or has a character that scopes cannot have".into());
        }
        // A scope may carry its resource: https://graph.microsoft.com/User.Read
        let has = |name: &str| {
            scopes.iter().any(|scope| scope.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name)))
        };
        if !DIRECTORY_SCOPES.into_iter().any(has) {
            return Err(format!("scopes need one of {}", DIRECTORY_SCOPES.join(", ")));
        }
        if !USER_SCOPES.into_iter().any(has) {
            return Err(format!("scopes need one of {}", USER_SCOPES.join(", ")));
        }
        if !has(REFRESH_SCOPE) {
            return Err(format!("scopes need {REFRESH_SCOPE}, without which every renewal is a sign-in"));
        }
        Ok(Self(scopes))
    }

    /// The scopes, one by one.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The scopes in the form of a request: parted by spaces.
    pub fn joined(&self) -> String {
        self.0.join(" ")
    }
}

impl Default for Scopes {
    /// Those of Veeam's own example, which Microsoft preauthorises for its client id.
    fn default() -> Self {
        Self(["Directory.AccessAsUser.All", "User.ReadWrite.All", REFRESH_SCOPE].map(str::to_owned).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_scope_requirement_is_named() {
        let scopes = |text: &str| Scopes::new(text.split(' ').map(str::to_owned).collect());
        assert!(scopes("Directory.Read.All User.Read offline_access").is_ok());
        assert!(scopes("https://graph.microsoft.com/Directory.Read.All User.Read offline_access").is_ok());
        assert!(Scopes::new(Scopes::default().as_slice().to_vec()).is_ok());
        assert!(scopes("User.Read offline_access").unwrap_err().contains("Directory.Read.All"));
        assert!(scopes("Directory.Read.All offline_access").unwrap_err().contains("User.ReadBasic.All"));
        assert!(scopes("Directory.Read.All User.Read").unwrap_err().contains("offline_access"));
        assert!(Scopes::new(vec!["a b".into()]).is_err());
    }
}
