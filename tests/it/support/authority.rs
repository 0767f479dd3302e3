//! Certificates, good and bad, and the authority that a server may be told to trust.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

/// What a receiver shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// For 127.0.0.1, signed by the authority that is trusted.
    Trusted,
    /// Signed by another authority.
    UnknownAuthority,
    /// For another host.
    WrongName,
    Expired,
}

/// The authority that is trusted and one that is not.
pub(crate) struct Authorities {
    trusted: Authority,
    unknown: Authority,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }
}

impl Authorities {
    pub(crate) fn new() -> Self {
        Self { trusted: Authority::new("Trusted"), unknown: Authority::new("Unknown") }
    }

    /// The trusted authority, as `egress.extra_ca_file` takes it.
    pub(crate) fn trusted_pem(&self) -> &str {
        &self.trusted.pem
    }

    /// A certificate that a server which asks for one takes, and its key; in PEM.
    pub(crate) fn client(&self) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["onward".to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, "Onward's client");
        let signed = params.signed_by(&key, &self.trusted.issuer).expect("a certificate");
        (signed.pem(), key.serialize_pem())
    }

    /// What a server shows, and its key.
    pub(crate) fn shown(&self, certificate: Certificate) -> (rcgen::Certificate, KeyPair) {
        let name = if certificate == Certificate::WrongName { "elsewhere.example" } else { "127.0.0.1" };
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        if certificate == Certificate::Expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let authority =
            if certificate == Certificate::UnknownAuthority { &self.unknown } else { &self.trusted };
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &authority.issuer).expect("a certificate"), key)
    }

    /// A TLS server that shows such a certificate, and may ask for one.
    pub(crate) fn server(&self, certificate: Certificate, asks: bool) -> Arc<ServerConfig> {
        let (signed, key) = self.shown(certificate);
        let provider = Arc::new(ring::default_provider());
        let verifier = if asks {
            let mut roots = RootCertStore::empty();
            let pem = self.trusted_pem().as_bytes();
            roots.add(CertificateDer::from_pem_slice(pem).expect("PEM")).expect("an authority");
            let asking = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            asking.build().expect("a verifier")
        } else {
            WebPkiClientVerifier::no_client_auth()
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![signed.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            );
        Arc::new(config.expect("a TLS server"))
    }
}
