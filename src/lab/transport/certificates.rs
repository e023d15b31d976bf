//! The certificates of the lab's servers, issued by an authority that is made for one run.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The name of the lab's servers. RFC 6761 resolves it to this computer; a test that plays the resolver can let
/// it fail.
pub const LAB_HOST: &str = "dropscope.localhost";
/// Names and addresses in the server certificate.
const SERVER_NAMES: [&str; 4] = [LAB_HOST, "localhost", "127.0.0.1", "::1"];

/// A certificate authority and the TLS configuration of the server it has certified.
pub(crate) struct LabCertificates {
    /// The authority's certificate in PEM, for clients to trust.
    pub(crate) ca_pem: String,
    /// The TLS configuration with the server certificate.
    pub(crate) server_config: Arc<ServerConfig>,
}

impl LabCertificates {
    /// Makes new keys, which are never written to a file.
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
    params.distinguished_name.push(DnType::CommonName, LAB_HOST);
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}
