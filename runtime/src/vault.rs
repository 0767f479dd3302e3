//! Where secrets come from: the store, where they are encrypted; a folder with a file for each; the
//! environment. And the key with which those in the store are encrypted.
//!
//! Nothing here is logged. A row is bound to its name, so that one cannot be put in another's place.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use crate::{
    credential,
    model::{
        Secrets,
        secret::{Source, name_problem, value_problem},
    },
    store::SecretRow,
};

const KEY_BYTES: usize = 32;

/// What a secret's variable in the environment begins with.
const VARIABLE_PREFIX: &str = "ONWARD_SECRET_";

/// The variable that has the key, instead of the file.
const KEY_VARIABLE: &str = "ONWARD_SECRETS_KEY";

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the key file {}: {problem}; `secrets.key_file` names it", path.display())]
    KeyFile { path: PathBuf, problem: String },
    #[error("`ONWARD_SECRETS_KEY` must be {KEY_BYTES} random bytes in base64")]
    KeyVariable,
    #[error("the key comes from `ONWARD_SECRETS_KEY`, which only you can change; rotating is for a key file")]
    NotOurs,
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] credential::CredentialError),
    #[error("a secret could not be encrypted")]
    Seal,
}

/// Keys: the first encrypts, all decrypt.
#[derive(Clone)]
struct Keys(Arc<[Key]>);

struct Key {
    /// Names the key; says nothing of it.
    id: String,
    aead: LessSafeKey,
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Option<Self> {
        let id = Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { id, aead: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?) })
    }

    fn read(line: &str) -> Option<Self> {
        let bytes: [u8; KEY_BYTES] = BASE64_STANDARD.decode(line.trim()).ok()?.try_into().ok()?;
        Self::new(&bytes)
    }
}

/// Reads secrets, and encrypts those that are to be stored.
pub struct Vault {
    key_file: PathBuf,
    folder: Option<PathBuf>,
    keys: RwLock<Option<Keys>>,
}

impl Vault {
    /// `folder`: one file a secret, called as it is.
    pub fn new(key_file: PathBuf, folder: Option<PathBuf>) -> Self {
        Self { key_file, folder, keys: RwLock::new(None) }
    }

    /// Encrypts a value. Makes the key file where there is no key yet.
    pub fn seal(&self, name: &str, value: &str) -> Result<SecretRow, VaultError> {
        let keys = match self.keys()? {
            Some(keys) => keys,
            None => self.make_key()?,
        };
        let key = keys.0.first().ok_or(VaultError::Seal)?;
        seal(key, name, value)
    }

    /// All secrets that can be read, by name, and where each comes from. What is in the store stands before the
    /// folder, and that before the environment.
    pub fn open(&self, rows: &[SecretRow]) -> Secrets {
        let mut found = BTreeMap::new();
        for (name, value) in from_environment() {
            found.insert(name, (value, Source::Environment));
        }
        for (name, value) in self.folder.as_deref().map(from_folder).unwrap_or_default() {
            found.insert(name, (value, Source::Folder));
        }
        if rows.is_empty() {
            return found.into();
        }
        let keys = self.keys_of(rows).unwrap_or_else(|error| {
            tracing::error!(%error, "the secrets in the store cannot be read");
            None
        });
        for row in rows {
            match keys.as_ref().and_then(|keys| open(keys, row)) {
                Some(value) => drop(found.insert(row.name.clone(), (value, Source::Store))),
                None => {
                    // Not what stands elsewhere under its name: the operator has replaced that.
                    found.remove(&row.name);
                    tracing::error!(
                        secret = row.name,
                        key = row.key,
                        "a secret cannot be decrypted: its key is not here"
                    );
                }
            }
        }
        found.into()
    }

    /// A new key, and the rows encrypted with it. The old key stays in the file until
    /// [`Vault::forget_old_keys`], so that a crash in between leaves what can be read.
    pub fn rotate(&self, rows: &[SecretRow]) -> Result<Vec<SecretRow>, VaultError> {
        if std::env::var_os(KEY_VARIABLE).is_some() {
            return Err(VaultError::NotOurs);
        }
        let old = self.keys()?;
        let keys = self.make_key()?;
        let key = keys.0.first().ok_or(VaultError::Seal)?;
        let opened = rows.iter().filter_map(|row| Some((row, open(old.as_ref()?, row)?)));
        opened.map(|(row, value)| seal(key, &row.name, &value)).collect()
    }

    /// Leaves only the key that encrypts.
    pub fn forget_old_keys(&self) -> Result<(), VaultError> {
        let text = self.read_key_file()?.unwrap_or_default();
        let first: Vec<_> =
            text.lines().filter(|line| is_key_line(line)).take(1).map(str::to_owned).collect();
        self.write_key_file(&first)?;
        self.forget_read();
        Ok(())
    }

    /// A command beside the server may have made a new key.
    fn keys_of(&self, rows: &[SecretRow]) -> Result<Option<Keys>, VaultError> {
        let keys = self.keys()?;
        let is_known =
            |row: &SecretRow| keys.as_ref().is_some_and(|keys| keys.0.iter().any(|key| key.id == row.key));
        if rows.iter().all(is_known) {
            return Ok(keys);
        }
        self.forget_read();
        self.keys()
    }

    fn forget_read(&self) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Read once, and again after a change of ours; `None` where there is no key yet.
    fn keys(&self) -> Result<Option<Keys>, VaultError> {
        if let Some(keys) = &*self.keys.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Some(keys.clone()));
        }
        let keys = match std::env::var(KEY_VARIABLE) {
            Ok(text) => vec![Key::read(&text).ok_or(VaultError::KeyVariable)?],
            Err(_) => match self.read_key_file()? {
                None => return Ok(None),
                Some(text) => self.parse(&text)?,
            },
        };
        let keys = Keys(keys.into());
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
        Ok(Some(keys))
    }

    fn parse(&self, text: &str) -> Result<Vec<Key>, VaultError> {
        let lines = text.lines().filter(|line| is_key_line(line));
        let keys: Option<Vec<_>> = lines.map(Key::read).collect();
        let problem = format!("each line must be {KEY_BYTES} random bytes in base64");
        let keys = keys.filter(|keys| !keys.is_empty());
        keys.ok_or_else(|| VaultError::KeyFile { path: self.key_file.clone(), problem })
    }

    fn read_key_file(&self) -> Result<Option<String>, VaultError> {
        match fs::read_to_string(&self.key_file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.key_file_problem(&error)),
        }
    }

    fn key_file_problem(&self, error: &io::Error) -> VaultError {
        VaultError::KeyFile { path: self.key_file.clone(), problem: error.to_string() }
    }

    /// A new key before those in the file.
    fn make_key(&self) -> Result<Keys, VaultError> {
        let mut bytes = [0; KEY_BYTES];
        credential::fill_random(&mut bytes)?;
        let mut lines = vec![BASE64_STANDARD.encode(bytes)];
        let text = self.read_key_file()?.unwrap_or_default();
        lines.extend(text.lines().filter(|line| is_key_line(line)).map(str::to_owned));
        self.write_key_file(&lines)?;
        self.forget_read();
        self.keys()?.ok_or(VaultError::Seal)
    }

    /// Whole or not at all, and for its owner alone.
    fn write_key_file(&self, lines: &[String]) -> Result<(), VaultError> {
        let part = self.key_file.with_extension("part");
        let text = format!(
            "# The key of Onward's secrets. Without it they cannot be read: keep a copy, but not with the backups.\n{}\n",
            lines.join("\n")
        );
        let write = || {
            let _ = fs::remove_file(&part);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, &self.key_file)
        };
        write().map_err(|error| self.key_file_problem(&error))
    }
}

fn is_key_line(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

fn seal(key: &Key, name: &str, value: &str) -> Result<SecretRow, VaultError> {
    let mut nonce = [0; NONCE_LEN];
    credential::fill_random(&mut nonce)?;
    let mut sealed = value.as_bytes().to_vec();
    let bound = Aad::from(name.as_bytes());
    key.aead
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
        .map_err(|_| VaultError::Seal)?;
    Ok(SecretRow { name: name.to_owned(), key: key.id.clone(), nonce: nonce.to_vec(), sealed })
}

fn open(keys: &Keys, row: &SecretRow) -> Option<Arc<str>> {
    let key = keys.0.iter().find(|key| key.id == row.key)?;
    let nonce = Nonce::try_assume_unique_for_key(&row.nonce).ok()?;
    let mut sealed = row.sealed.clone();
    let opened = key.aead.open_in_place(nonce, Aad::from(row.name.as_bytes()), &mut sealed).ok()?;
    std::str::from_utf8(opened).ok().map(Arc::from)
}

fn from_environment() -> Vec<(String, Arc<str>)> {
    let variables = std::env::vars_os().filter_map(|(variable, value)| {
        let name = variable.to_str()?.strip_prefix(VARIABLE_PREFIX)?.to_owned();
        let value = value.into_string().ok()?;
        usable(&name, &value, "the environment").then(|| (name, Arc::from(value)))
    });
    variables.collect()
}

fn from_folder(folder: &Path) -> Vec<(String, Arc<str>)> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::error!(%error, folder = %folder.display(), "the folder of secrets cannot be read; `secrets.folder` names it");
            return Vec::new();
        }
    };
    let files = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        // Beside the secrets, systems that mount such folders keep files of their own.
        if name_problem(&name).is_some() || !entry.path().is_file() {
            return None;
        }
        let text = fs::read_to_string(entry.path()).ok()?;
        let value = text.strip_suffix('\n').unwrap_or(&text);
        usable(&name, value, "the folder of secrets").then(|| (name, Arc::from(value)))
    });
    files.collect()
}

fn usable(name: &str, value: &str, place: &str) -> bool {
    match name_problem(name).map(str::to_owned).or_else(|| value_problem(value)) {
        None => true,
        Some(problem) => {
            tracing::error!(secret = name, place, "a secret is not used: {problem}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn vault(folder: &Path) -> Vault {
        Vault::new(folder.join("secrets.key"), Some(folder.join("secrets")))
    }

    fn value(vault: &Vault, rows: &[SecretRow], name: &str) -> Option<(String, Source)> {
        let secrets = vault.open(rows);
        let (_, source) = secrets.names().find(|(known, _)| *known == name)?;
        Some((secrets.get(name)?.to_string(), source))
    }

    #[test]
    fn what_is_sealed_is_read_again_with_the_key_and_not_without_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = vault(folder.path());
        let row = one.seal("TOKEN", "a secret value").expect("sealed");
        assert!(!row.sealed.windows(6).any(|window| window == b"secret"), "it is not encrypted");
        let mode = fs::metadata(folder.path().join("secrets.key")).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = vault(folder.path());
        assert_eq!(
            value(&again, std::slice::from_ref(&row), "TOKEN"),
            Some(("a secret value".to_owned(), Source::Store))
        );
        // Two of the same value look different, and one cannot stand in another's place.
        assert_ne!(one.seal("TOKEN", "a secret value").expect("sealed").sealed, row.sealed);
        let moved = SecretRow { name: "OTHER".to_owned(), ..row.clone() };
        assert_eq!(value(&again, &[moved], "OTHER"), None);
        let elsewhere = tempfile::tempdir().expect("a folder");
        let other = vault(elsewhere.path());
        other.seal("X", "another").expect("sealed");
        assert_eq!(value(&other, &[row], "TOKEN"), None);
    }

    #[test]
    fn a_new_key_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = vault(folder.path());
        let rows = vec![
            vault.seal("A", "the first").expect("sealed"),
            vault.seal("B", "the second").expect("sealed"),
        ];
        let rotated = vault.rotate(&rows).expect("rotated");
        assert_ne!(rotated[0].key, rows[0].key);
        // A crash before the rows are written: both can be read.
        for rows in [&rows, &rotated] {
            assert_eq!(value(&vault, rows, "B").map(|(value, _)| value).as_deref(), Some("the second"));
        }
        vault.forget_old_keys().expect("forgotten");
        assert_eq!(value(&vault, &rows, "A"), None);
        assert_eq!(value(&vault, &rotated, "A").map(|(value, _)| value).as_deref(), Some("the first"));
    }

    #[test]
    fn the_folder_is_read_and_the_store_stands_before_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = folder.path().join("secrets");
        fs::create_dir(&secrets).expect("a folder");
        for (name, text) in [
            ("TOKEN", "from the folder\n"),
            ("SHORT", "12345"),
            ("..data", "no name"),
            ("KEPT", "a\nb c d\n\n"),
        ] {
            fs::write(secrets.join(name), text).expect("written");
        }
        let vault = vault(folder.path());
        assert_eq!(value(&vault, &[], "TOKEN"), Some(("from the folder".to_owned(), Source::Folder)));
        assert_eq!(value(&vault, &[], "KEPT").map(|(value, _)| value).as_deref(), Some("a\nb c d\n"));
        assert_eq!((value(&vault, &[], "SHORT"), value(&vault, &[], "..data")), (None, None));
        let row = vault.seal("TOKEN", "from the store").expect("sealed");
        assert_eq!(value(&vault, &[row], "TOKEN"), Some(("from the store".to_owned(), Source::Store)));
    }

    #[test]
    fn a_key_file_that_is_none_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("secrets.key"), "not a key\n").expect("written");
        let error = vault(folder.path()).seal("TOKEN", "a secret value").expect_err("no key").to_string();
        assert!(
            error.contains("each line must be 32 random bytes in base64; `secrets.key_file` names it"),
            "{error}"
        );
    }
}
