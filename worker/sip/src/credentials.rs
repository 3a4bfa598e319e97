//! Digest credentials for a trunk or a registrar.

use offhook::secret::Secret;

/// Digest credentials (RFC 3261 section 22).
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}
