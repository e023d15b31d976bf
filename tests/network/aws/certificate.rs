//! A device with a client certificate, at a TLS endpoint that requires one.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dropscope::lab::{Broker, BrokerOptions, ListenerEndpoint};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::aws::command::{aws, text};

const ALPN: &str = "x-amzn-mqtt-ca";

/// A server that accepts client certificates of its own authority; `ca.pem`, `cert.pem` and `key.pem` are in
/// `folder`.
fn server(folder: &Path) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let leaf = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &issuer).unwrap(), key)
    };
    let (certificate, key) = leaf("device");
    fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    let (certificate, key) = leaf("localhost");
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = vec![ALPN.into()];
    Arc::new(config)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_connects_with_alpn_and_without_keys() {
    let home = tempfile::tempdir().unwrap();
    let broker = Broker::start(BrokerOptions::default());
    let port = broker.listen(ListenerEndpoint::Tls(server(home.path()))).await.unwrap().port();
    let endpoint = format!("localhost:{port}");
    let with = ["--cafile", "ca.pem", "--cert", "cert.pem", "--key", "key.pem", "--duration", "2s", "--json"];
    for (alpn, code) in [(ALPN, 0), ("mqtt", 3)] {
        let arguments = [&[&*endpoint, "--ipv4", "--alpn", alpn], &with[..]].concat();
        let output = aws(home.path(), Vec::new(), &arguments).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{out}{err}");
        assert_eq!(out.contains(r#""kind":"connected""#), code == 0, "{out}");
        assert!(!out.contains(r#""phase":"credentials""#), "{out}");
    }
    broker.stop().await;
}
