//! A private certificate authority, and TLS servers with its certificates.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::mqtt::settings::TlsSettings;

/// An authority whose certificate is in a file, as with users.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

/// A certificate with its key.
pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) certificate_pem: String,
    pub(super) key: KeyPair,
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("Test authority")
    }

    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, directory: TempDir::new().unwrap() };
        let pem = authority.issuer.as_ref().pem();
        authority.file("ca.pem", &pem);
        authority
    }

    /// Writes a file next to the authority's certificate.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Client settings that trust this authority.
    pub(super) fn trusted(&self) -> TlsSettings {
        TlsSettings { ca_file: Some(self.directory.path().join("ca.pem")), ..TlsSettings::default() }
    }

    /// A certificate for `localhost` and 127.0.0.1.
    pub(super) fn leaf(&self) -> Leaf {
        self.leaf_with(|_| {})
    }

    pub(super) fn leaf_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Test broker");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }

    pub(super) fn expired(&self) -> Leaf {
        self.leaf_with(|params| params.not_after = date_time_ymd(2001, 1, 1))
    }

    pub(super) fn not_yet_valid(&self) -> Leaf {
        self.leaf_with(|params| params.not_before = date_time_ymd(2999, 1, 1))
    }

    /// A server that demands a client certificate of this authority.
    pub(super) fn mutual(&self, leaf: &Leaf) -> TlsAcceptor {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.as_ref().der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let config = builder().with_client_cert_verifier(verifier);
        acceptor(config.with_single_cert(vec![leaf.certificate.clone()], leaf.private_key()).unwrap())
    }
}

impl Leaf {
    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    /// A server with this certificate that supports the ALPN protocol `mqtt`.
    pub(super) fn server(&self) -> TlsAcceptor {
        let mut config = builder()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.private_key())
            .unwrap();
        config.alpn_protocols = vec![b"mqtt".to_vec()];
        acceptor(config)
    }
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn acceptor(config: ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config))
}

/// The TCP stream below, without TLS `close_notify`.
pub(super) fn without_close_notify(stream: TlsStream<TcpStream>) -> TcpStream {
    stream.into_inner().0
}
