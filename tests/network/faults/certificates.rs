//! Good and bad certificates, and a TLS server that can change the one it presents.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use tempfile::TempDir;

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    Good,
    /// Of an unknown authority.
    Untrusted,
    /// Of an authority with the same name as the trusted one.
    Counterfeit,
    Expired,
    NotYetValid,
    WrongName,
}

/// Certificates are made once for all rows.
pub(crate) struct CertificateSet {
    certificates: Vec<(Certificate, Arc<CertifiedKey>)>,
    /// The one that clients trust.
    authority: CertificateDer<'static>,
    directory: TempDir,
}

pub(crate) static CERTIFICATES: LazyLock<CertificateSet> = LazyLock::new(CertificateSet::new);

type Authority = CertifiedIssuer<'static, KeyPair>;

impl CertificateSet {
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
        Self { certificates, authority: trusted.as_ref().der().clone(), directory }
    }

    /// The file with the authority that clients trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn get(&self, certificate: Certificate) -> Arc<CertifiedKey> {
        let entry = self.certificates.iter().find(|(kind, _)| *kind == certificate);
        Arc::clone(&entry.unwrap().1)
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

/// The certificate a server presents at the moment, and whether it requires one of its clients.
#[derive(Debug)]
pub(crate) struct CertificateResolver {
    current: Mutex<Certificate>,
    requires_client_certificate: AtomicBool,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl CertificateResolver {
    /// A resolver and the TLS server that uses it.
    pub(crate) fn with_server_config() -> (Arc<Self>, Arc<ServerConfig>) {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CERTIFICATES.authority.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let resolver = Arc::new(Self {
            current: Mutex::new(Certificate::Good),
            requires_client_certificate: AtomicBool::new(false),
            verifier: verifier.build().unwrap(),
        });
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(Arc::clone(&resolver) as Arc<dyn ClientCertVerifier>)
            .with_cert_resolver(Arc::clone(&resolver) as Arc<dyn ResolvesServerCert>);
        (resolver, Arc::new(config))
    }

    pub(crate) fn set_certificate(&self, certificate: Certificate) {
        *self.current.lock().unwrap() = certificate;
    }

    /// From now on clients without a certificate are refused, or accepted again.
    pub(crate) fn require_client_certificates(&self, required: bool) {
        self.requires_client_certificate.store(required, Ordering::Relaxed);
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(CERTIFICATES.get(*self.current.lock().unwrap()))
    }
}

impl ClientCertVerifier for CertificateResolver {
    fn client_auth_mandatory(&self) -> bool {
        self.requires_client_certificate.load(Ordering::Relaxed)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.verifier.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
