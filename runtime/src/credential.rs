//! Fresh secrets, and what is kept of them.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use sha2::{Digest, Sha256};

use crate::model::{ApiKey, id::KeyId};

/// What API keys begin with, so that scanners and people recognise one.
const KEY_PREFIX: &str = "onw_";

/// Secret bytes of a key.
const KEY_BYTES: usize = 32;

/// Characters after the prefix of a key that somebody else has made.
const KEY_CHARS_MIN: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    #[error("an API key is `{KEY_PREFIX}` and at least {KEY_CHARS_MIN} more letters and digits")]
    NoKey,
}

/// A new API key: what is kept, and the secret, which is shown once.
pub fn new_key(name: &str) -> Result<(ApiKey, String), CredentialError> {
    let secret = format!("{KEY_PREFIX}{}", random_hex(KEY_BYTES)?);
    Ok((key_of(name, &secret)?, secret))
}

/// The API key of a secret that somebody else has made.
pub fn key_of(name: &str, secret: &str) -> Result<ApiKey, CredentialError> {
    let rest = secret.strip_prefix(KEY_PREFIX).ok_or(CredentialError::NoKey)?;
    if rest.len() < KEY_CHARS_MIN || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(CredentialError::NoKey);
    }
    let hash = Sha256::digest(secret.as_bytes()).into();
    Ok(ApiKey::new(KeyId::new(format!("key_{}", random_hex(6)?)), name, hash))
}

/// The hash of a password that nobody has, to compare with where there is no user.
pub const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$alE/IaQ3jWmGaaah+o4q6w$EW+pcZN4HKgRzfTSDh04d+IfnuRXby1ETH2M+d5NJR4";

pub fn new_password() -> Result<String, CredentialError> {
    random_hex(9)
}

pub fn fill_random(bytes: &mut [u8]) -> Result<(), CredentialError> {
    Ok(getrandom::fill(bytes)?)
}

/// `bytes` random bytes as hexadecimal digits.
pub fn random_hex(bytes: usize) -> Result<String, CredentialError> {
    let mut random = vec![0; bytes];
    fill_random(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Argon2id with the crate's recommended parameters, as a PHC string.
pub fn hash_password(password: &str) -> Result<String, CredentialError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| CredentialError::Hash(error.to_string()))
}

/// Whether a password is the one that a PHC string was made of.
pub fn is_password(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else it would tell by its time that there is no such user.
    #[test]
    fn comparing_with_nobodys_password_takes_as_long_as_with_somebodys() {
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().map(str::to_owned);
        let somebodys = hash_password("a password").expect("hashed");
        assert_eq!(parameters(NOBODYS), parameters(&somebodys));
        assert!(is_password(&somebodys, "a password") && !is_password(&somebodys, "another"));
        assert!(!is_password(NOBODYS, "a password") && !is_password("no hash", ""));
    }
}
