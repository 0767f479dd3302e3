//! Whom outgoing calls trust: the system's certificate authorities and, where configured, those of one more file.
//!
//! Knows nothing of connections or URLs. Loaded once by `boot`; every thread's [`Egress`](super::Egress) shares it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The TLS client configuration of outgoing calls that bring none of their own. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(super) config: Arc<ClientConfig>,
    roots: Arc<RootCertStore>,
}

/// What a call brings of its own; all in PEM.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct CallTls {
    /// Certificate authorities to trust instead of the system's and the settings'.
    pub authorities: Option<String>,
    /// The caller's certificate, with those that lead to its authority, and its private key.
    pub identity: Option<(String, String)>,
}

impl fmt::Debug for CallTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTls").field("authorities", &self.authorities).finish_non_exhaustive()
    }
}

/// Why the certificate authorities could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The extra file cannot be read.
    #[error("the file of extra certificate authorities {} cannot be read: {problem}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        problem: io::Error,
    },
    /// The extra file has no certificates, or one that is none.
    #[error("the file of extra certificate authorities {} is not valid: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl Trust {
    /// Loads the system's certificate authorities and those in `extra_ca_file` (PEM). Reads files: call it at boot.
    ///
    /// A system without authorities is not an error, only a warning: such a server may call plain `http` only, or
    /// hosts that the extra file vouches for.
    ///
    /// # Errors
    /// When `extra_ca_file` is given but unreadable, empty or not PEM.
    pub fn load(extra_ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
        }
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = extra_ca_file {
            add_file(&mut roots, path)?;
        }
        if roots.is_empty() {
            tracing::warn!("no certificate authorities are known: calls to https URLs will fail");
        }
        Self::of(roots)
    }

    /// Whether [`Self::load`] would take a file.
    ///
    /// # Errors
    /// When it is unreadable, empty or not PEM.
    pub fn check(extra_ca_file: &Path) -> Result<(), TrustError> {
        add_file(&mut RootCertStore::empty(), extra_ca_file)
    }

    fn of(roots: RootCertStore) -> Result<Self, TrustError> {
        let roots = Arc::new(roots);
        Ok(Self { config: config(Arc::clone(&roots), None)?, roots })
    }

    /// The configuration of a call that brings this; or what is wrong with it. Repeats nothing of the key.
    pub(super) fn with(&self, own: &CallTls) -> Result<Arc<ClientConfig>, String> {
        let roots = match &own.authorities {
            Some(pem) => {
                Arc::new(authorities(pem.as_bytes()).map_err(|problem| format!("the authority's {problem}"))?)
            }
            None => Arc::clone(&self.roots),
        };
        let of_client = |problem| format!("the client's {problem}");
        let identity = match &own.identity {
            None => None,
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                    .map_err(|_| of_client("private key is not one in PEM".to_owned()))?;
                Some((certificates(certificate.as_bytes()).map_err(of_client)?, key))
            }
        };
        config(roots, identity).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                of_client("private key is not the one of its certificate".to_owned())
            }
            other => of_client(format!("certificate and key are refused: {other}")),
        })
    }
}

/// `identity`: a certificate, those that lead to its authority, and its key.
fn config(
    roots: Arc<RootCertStore>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificates of a PEM text, at least one; or what is wrong, to be read after whose they are. Repeats nothing of
/// the text, as the library's own words would: it may be a secret.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|_| "certificate is not valid PEM; are its line breaks whole?".to_owned())?;
    if found.is_empty() { Err("certificate is not one in PEM".to_owned()) } else { Ok(found) }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| format!("certificate is refused: {error}"))?;
    }
    Ok(roots)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    let invalid = |reason: String| TrustError::Invalid { path: path.to_owned(), reason };
    let pem =
        std::fs::read(path).map_err(|problem| TrustError::Unreadable { path: path.to_owned(), problem })?;
    let found = authorities(&pem).map_err(|problem| invalid(format!("a {problem}")))?;
    roots.roots.extend(found.roots);
    Ok(())
}

/// Whether the other end takes no call from one who shows this certificate, or none. It says so in the handshake, which
/// in TLS 1.3 is over for the client before the server has seen who that is.
pub(super) fn is_client_refused(error: &io::Error) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        tls_error(error),
        Some(rustls::Error::AlertReceived(
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
        ))
    )
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// A failed handshake in words for a person, with what to do about it where that is known.
pub(super) fn explain(error: &io::Error) -> String {
    let Some(tls) = tls_error(error) else {
        return format!(
            "the connection ended during the TLS handshake ({error}); check the URL's port and scheme"
        );
    };
    match tls {
        _ if is_client_refused(error) => {
            format!(
                "it refuses the client certificate of this call, or asks for one ({tls}); see the call's `tls`"
            )
        }
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is signed by an authority this server does not know; \
             add that authority to the extra CA file, or name it in the call's own"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name; check the URL's host".to_owned(),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired".to_owned(),
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS there; check the URL's port and scheme".to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_file_that_is_missing_or_no_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Trust::load(Some(&folder.path().join("none.pem"))).unwrap_err();
        assert!(matches!(missing, TrustError::Unreadable { .. }), "{missing}");
        assert!(missing.to_string().contains("none.pem"), "{missing}");
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let path = folder.path().join("ca.pem");
            std::fs::write(&path, text).unwrap();
            let invalid = Trust::load(Some(&path)).unwrap_err();
            assert!(matches!(invalid, TrustError::Invalid { .. }), "{text:?}: {invalid}");
        }
    }

    #[test]
    fn no_authorities_at_all_is_allowed() {
        assert!(Trust::of(RootCertStore::empty()).is_ok());
    }
}
