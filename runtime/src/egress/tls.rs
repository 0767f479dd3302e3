//! Whom outgoing calls trust: the system's certificate authorities and, where configured, those of one more file.
//!
//! Knows nothing of connections or URLs. Loaded once by `boot`; every thread's [`Egress`](super::Egress) shares it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The TLS client configuration that all outgoing calls share. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(super) config: Arc<ClientConfig>,
}

/// Why the certificate authorities could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The extra file cannot be read.
    #[error("the file of extra certificate authorities {} cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
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

    fn of(roots: RootCertStore) -> Result<Self, TrustError> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    let invalid = |reason: String| TrustError::Invalid { path: path.to_owned(), reason };
    let pem =
        std::fs::read(path).map_err(|source| TrustError::Unreadable { path: path.to_owned(), source })?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        roots.add(certificate).map_err(|error| invalid(error.to_string()))?;
        count += 1;
    }
    if count == 0 {
        return Err(invalid("it contains no PEM certificate".to_owned()));
    }
    Ok(())
}

/// A failed handshake in words for a person, with what to do about it where that is known.
pub(super) fn explain(error: &io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return format!(
            "the connection ended during the TLS handshake ({error}); check the URL's port and scheme"
        );
    };
    match tls {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is signed by an authority this server does not know; \
             add that authority to the extra CA file"
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
