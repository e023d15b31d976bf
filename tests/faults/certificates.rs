//! Good and bad certificates, and a TLS server that can change the one it shows.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tempfile::TempDir;

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    Good,
    /// Of an authority nobody has heard of.
    Untrusted,
    /// Of an authority that only bears the name of the trusted one.
    Counterfeit,
    Expired,
    NotYetValid,
    WrongName,
}

/// Certificates are made once for all rows.
pub(crate) struct Shelf {
    certificates: Vec<(Certificate, Arc<CertifiedKey>)>,
    directory: TempDir,
}

pub(crate) static SHELF: LazyLock<Shelf> = LazyLock::new(Shelf::new);

type Authority = CertifiedIssuer<'static, KeyPair>;

impl Shelf {
    fn new() -> Self {
        let trusted = authority("Trusted");
        let (same_name, unknown) = (authority("Trusted"), authority("Unknown"));
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("ca.pem"), trusted.as_ref().pem()).unwrap();
        let long_ago = |params: &mut CertificateParams| params.not_after = date_time_ymd(2001, 1, 1);
        let far_off = |params: &mut CertificateParams| params.not_before = date_time_ymd(2999, 1, 1);
        let certificates = vec![
            (Certificate::Good, leaf(&trusted, "localhost", |_| {})),
            (Certificate::Untrusted, leaf(&unknown, "localhost", |_| {})),
            (Certificate::Counterfeit, leaf(&same_name, "localhost", |_| {})),
            (Certificate::Expired, leaf(&trusted, "localhost", long_ago)),
            (Certificate::NotYetValid, leaf(&trusted, "localhost", far_off)),
            (Certificate::WrongName, leaf(&trusted, "elsewhere.example", |_| {})),
        ];
        Self { certificates, directory }
    }

    /// The file with the authority that clients trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn get(&self, wanted: Certificate) -> Arc<CertifiedKey> {
        let found = self.certificates.iter().find(|(kind, _)| *kind == wanted);
        Arc::clone(&found.unwrap().1)
    }
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(issuer: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<CertifiedKey> {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Broker");
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = ring::sign::any_supported_type(&key).unwrap();
    Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// The certificate a server shows at the moment.
#[derive(Debug)]
pub(crate) struct Showcase(Mutex<Certificate>);

impl Showcase {
    /// A showcase and the TLS server that uses it.
    pub(crate) fn open() -> (Arc<Self>, Arc<ServerConfig>) {
        let showcase = Arc::new(Self(Mutex::new(Certificate::Good)));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&showcase) as Arc<dyn ResolvesServerCert>);
        (showcase, Arc::new(config))
    }

    pub(crate) fn show(&self, certificate: Certificate) {
        *self.0.lock().unwrap() = certificate;
    }
}

impl ResolvesServerCert for Showcase {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(SHELF.get(*self.0.lock().unwrap()))
    }
}
