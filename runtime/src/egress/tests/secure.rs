//! https: whom we trust, and that everything else holds there too.

use std::{path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

use super::*;

/// An authority of our own, as a file, and a server certificate it signed.
struct Authority {
    folder: tempfile::TempDir,
    acceptor: TlsAcceptor,
}

impl Authority {
    fn new(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        Self { folder, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn trusted(&self) -> Egress {
        egress_with(&EgressSettings { extra_ca_file: Some(self.file()), ..settings() })
    }

    /// A server that hands each TLS connection to `script`.
    async fn serve<S, F>(&self, script: S) -> Server
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
