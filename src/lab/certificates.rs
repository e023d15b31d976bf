//! Who vouches for the lab's servers? An authority made for one run, known to nobody else.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Names and addresses under which the lab's servers may be called.
const SERVER_NAMES: [&str; 4] = [super::setup::LAB_HOST, "localhost", "127.0.0.1", "::1"];

/// A certificate authority and the server it has vouched for.
pub(crate) struct LabCertificates {
    /// The authority's certificate in PEM, for clients to trust.
    pub(crate) ca_pem: String,
    /// What the server shows.
    pub(crate) server_config: Arc<ServerConfig>,
}

impl LabCertificates {
    /// Makes new keys; nothing of them is ever written.
    pub(crate) fn new() -> io::Result<Self> {
        let issuer = create_ca().map_err(io::Error::other)?;
        let (certificate, key) = create_server_certificate(&issuer).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server_config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(io::Error::other)?;
        Ok(Self { ca_pem: issuer.pem(), server_config: Arc::new(server_config) })
    }
}

type CaIssuer = CertifiedIssuer<'static, KeyPair>;

fn create_ca() -> Result<CaIssuer, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "dropscope lab");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn create_server_certificate(
    issuer: &CaIssuer,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(SERVER_NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, super::setup::LAB_HOST);
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}
