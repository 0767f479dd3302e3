//! https: whom we trust, and that everything else holds there too.

use std::{path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
    server::TlsStream,
};

use super::*;
use crate::egress::CallTls;

/// An authority of our own, as a file, and a server certificate it signed.
pub(super) struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    acceptor: TlsAcceptor,
}

impl Authority {
    pub(super) fn new(names: &[&str]) -> Self {
        Self::serving(names, false)
    }

    /// Its server may ask for a client's certificate from the same authority.
    fn serving(names: &[&str], asks: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let asking = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = if asks { asking.build().unwrap() } else { WebPkiClientVerifier::no_client_auth() };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        Self { folder, issuer, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    fn pem(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    /// A client's certificate and key.
    fn client(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["onward".to_owned()]).unwrap();
        (certificate.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(super) fn trusted(&self) -> Egress {
        egress_with(&EgressSettings { extra_ca_file: Some(self.file()), ..settings() })
    }

    /// A server that hands each TLS connection to `script`.
    pub(super) async fn serve<S, F>(&self, script: S) -> Server
    where
        S: Fn(TlsStream<TcpStream>, usize) -> F + Clone + 'static,
        F: Future<Output = ()> + 'static,
    {
        let acceptor = self.acceptor.clone();
        Server::new(move |tcp, number| {
            let (acceptor, script) = (acceptor.clone(), script.clone());
            async move {
                if let Ok(tls) = acceptor.accept(tcp).await {
                    script(tls, number).await;
                }
            }
        })
        .await
    }

    async fn echo(&self) -> Server {
        self.serve(|mut tls, _| async move {
            while let Some((head, body)) = read_request(&mut tls).await {
                let name = tls.get_ref().1.server_name().unwrap_or("none").to_owned();
                let host = head.lines().find(|line| line.starts_with("host: ")).unwrap().to_owned();
                tls.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
                tls.write_all(ok(&format!("{name} {host} {body}")).as_bytes()).await.unwrap();
                tls.flush().await.unwrap();
            }
        })
        .await
    }
}

#[test]
fn an_extra_authority_is_trusted_and_its_connections_are_kept() {
    run(async {
        let authority = Authority::new(&["localhost", "127.0.0.1"]);
        let server = authority.echo().await;
        let egress = authority.trusted();
        for number in 0..3 {
            let exchange = egress.send(post(format!("https://localhost:{}/", server.port), "body")).await;
            assert_body(&exchange, &format!("localhost host: localhost:{} body", server.port));
            assert_eq!(exchange.timing.tls.is_some(), number == 0);
        }
        assert_eq!(server.accepted.get(), 1);
        let exchange = egress.send(post(format!("https://127.0.0.1:{}/", server.port), "")).await;
        assert_body(&exchange, &format!("none host: 127.0.0.1:{} ", server.port));
    });
}

#[test]
fn others_are_not_trusted() {
    run(async {
        let authority = Authority::new(&["localhost"]);
        let server = authority.echo().await;
        let url = format!("https://localhost:{}/", server.port);
        let check = |exchange: Exchange, word: &str| {
            assert_error(&exchange, "tls_failed", Certainty::NotSent);
            let text = exchange.result.unwrap_err().to_string();
            assert!(text.contains(word), "{text}");
        };
        check(egress().send(post(&url, "x")).await, "authority");
        check(Authority::new(&["localhost"]).trusted().send(post(&url, "x")).await, "certificate");
        let other = format!("https://127.0.0.1:{}/", server.port);
        check(authority.trusted().send(post(other, "x")).await, "another name");
        let plain = Server::answering("HTTP/1.1 200 OK\r\n\r\n").await;
        let speaks_plain = Server::new(|mut tcp, _| async move {
            tcp.read_exact(&mut [0; 64]).await.unwrap();
            tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        })
        .await;
        check(
            authority.trusted().send(post(format!("https://localhost:{}/", speaks_plain.port), "")).await,
            "scheme",
        );
        drop(plain);
    });
}

fn with(request: Request, authorities: Option<String>, identity: Option<(String, String)>) -> Request {
    Request { tls: Some(Arc::new(CallTls { authorities, identity })), ..request }
}

#[test]
fn a_call_shows_its_own_certificate_and_no_other_call_does() {
    run(async {
        let authority = Authority::serving(&["localhost"], true);
        let server = authority.echo().await;
        let (egress, url) = (authority.trusted(), format!("https://localhost:{}/", server.port));
        let identity = authority.client();
        for _ in 0..2 {
            let exchange = egress.send(with(post(&url, "body"), None, Some(identity.clone()))).await;
            assert_body(&exchange, &format!("localhost host: localhost:{} body", server.port));
        }
        assert_eq!(server.accepted.get(), 1);
        // The kept connection is of somebody who is known there.
        let nobody = egress.send(post(&url, "body")).await;
        assert_error(&nobody, "tls_failed", Certainty::NotSent);
        let text = nobody.result.unwrap_err().to_string();
        assert!(text.contains("CertificateRequired"), "{text}");
        let other = Authority::new(&["localhost"]).client();
        let refused = egress.send(with(post(&url, "body"), None, Some(other))).await;
        assert_error(&refused, "tls_failed", Certainty::NotSent);
    });
}

#[test]
fn a_call_may_trust_its_own_authority_and_then_no_other() {
    run(async {
        let (authority, other) = (Authority::new(&["localhost"]), Authority::new(&["localhost"]));
        let server = authority.echo().await;
        let url = format!("https://localhost:{}/", server.port);
        let exchange = egress().send(with(post(&url, "x"), Some(authority.pem()), None)).await;
        assert!(exchange.answer().is_some(), "{exchange:?}");
        let egress = authority.trusted();
        let refused = egress.send(with(post(&url, "x"), Some(other.pem()), None)).await;
        assert_error(&refused, "tls_failed", Certainty::NotSent);
        let both = other.pem() + &authority.pem();
        assert!(egress.send(with(post(&url, "x"), Some(both), None)).await.answer().is_some());
    });
}

#[test]
fn what_a_call_cannot_use_for_tls_is_said_and_the_key_is_not_repeated() {
    run(async {
        let authority = Authority::new(&["localhost"]);
        let server = authority.echo().await;
        let url = format!("https://localhost:{}/", server.port);
        let ((certificate, key), (_, other)) = (authority.client(), authority.client());
        let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for (authorities, identity, said) in [
            (
                Some("-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END".to_owned()),
                None,
                "the authority's certificate is not valid PEM; are its line breaks whole?.",
            ),
            (Some("no PEM".to_owned()), None, "the authority's certificate is not one in PEM"),
            (None, Some((key.clone(), key.clone())), "the client's certificate is not one in PEM"),
            (
                None,
                Some((certificate.clone(), "s3cret".to_owned())),
                "the client's private key is not one in PEM",
            ),
            (
                None,
                Some((certificate.clone(), broken.to_owned())),
                "the client's certificate and key are refused",
            ),
            (
                None,
                Some((certificate.clone(), other)),
                "the client's private key is not the one of its certificate",
            ),
        ] {
            let exchange = authority.trusted().send(with(post(&url, "x"), authorities, identity)).await;
            assert_error(&exchange, "invalid_tls", Certainty::NotSent);
            let text = exchange.result.unwrap_err().to_string();
            assert!(
                text.contains(said)
                    && !text.contains("s3cret")
                    && !text.contains("AAAA")
                    && !text.contains("65, 65"),
                "{text}"
            );
        }
        let call = with(post(url, ""), None, Some((certificate, key.clone())));
        assert!(!format!("{call:?}").contains(&key));
        assert_eq!(server.accepted.get(), 0);
    });
}

#[test]
fn a_kept_secure_connection_that_ended_is_no_error() {
    run(async {
        let authority = Authority::new(&["localhost"]);
        for says_so in [true, false] {
            let server = authority
                .serve(move |mut tls, _| async move {
                    read_request(&mut tls).await;
                    tls.write_all(ok("x").as_bytes()).await.unwrap();
                    tls.flush().await.unwrap();
                    if says_so {
                        tls.shutdown().await.unwrap();
                    }
                })
                .await;
            let egress = authority.trusted();
            for _ in 0..10 {
                assert_body(&egress.send(post(format!("https://localhost:{}/", server.port), "")).await, "x");
            }
            assert_eq!(server.accepted.get(), 10);
        }
    });
}

#[test]
fn a_secure_body_that_ends_with_the_connection_needs_its_farewell() {
    run(async {
        let authority = Authority::new(&["localhost"]);
        for says_so in [true, false] {
            let server = authority
                .serve(move |mut tls, _| async move {
                    read_request(&mut tls).await;
                    tls.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.unwrap();
                    tls.flush().await.unwrap();
                    if says_so {
                        tls.shutdown().await.unwrap();
                    }
                })
                .await;
            let exchange =
                authority.trusted().send(post(format!("https://localhost:{}/", server.port), "")).await;
            if says_so {
                assert_body(&exchange, "hello");
            } else {
                assert_error(&exchange, "response_incomplete", Certainty::Answered);
            }
        }
    });
}

#[test]
fn a_secure_upload_and_its_early_refusal() {
    run(async {
        let authority = Authority::new(&["localhost"]);
        let server = authority
            .serve(|mut tls, number| async move {
                if number == 0 {
                    let (_, body) = read_request(&mut tls).await.unwrap();
                    tls.write_all(ok(&body.len().to_string()).as_bytes()).await.unwrap();
                } else {
                    tls.read_exact(&mut [0; 64]).await.unwrap();
                    tls.write_all(
                        b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
                    )
                    .await
                    .unwrap();
                }
                tls.flush().await.unwrap();
                sleep(if number < 2 { LONG } else { PAUSE }).await;
            })
            .await;
        let url = format!("https://localhost:{}/", server.port);
        let upload = || post(&url, vec![b'x'; 16 << 20]);
        assert_body(&authority.trusted().send(upload()).await, &(16 << 20).to_string());
        for _ in 0..2 {
            let exchange = authority.trusted().send(upload()).await;
            assert_eq!(exchange.status(), Some(413), "{exchange:?}");
        }
    });
}

#[test]
fn a_handshake_that_hangs() {
    run(async {
        let server = Server::new(|tcp, _| async move {
            sleep(LONG).await;
            drop(tcp);
        })
        .await;
        let egress = egress_with(&EgressSettings { connect_timeout: SHORT, ..settings() });
        let exchange = egress.send(post(format!("https://127.0.0.1:{}/", server.port), "")).await;
        assert_error(&exchange, "connect_timeout", Certainty::NotSent);
    });
}
