//! TLS: trust, client identity, and the handshake.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, KeyLogFile, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::CertificateInfo;
use super::connect_failure;
use super::sanitize::sanitize_text;
use super::tap::WireTap;
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::TlsSettings;

/// TLS settings that cannot work, in one sentence that states what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsSettingsError(String);

impl TlsSettingsError {
    fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Trust, identity and ALPN for every TLS handshake of a link.
///
/// The platform's certificate authorities are read before the first handshake that needs them and do not
/// count as its time; the files named in the settings are read by [`TlsContext::load`].
#[derive(Debug)]
pub struct TlsContext {
    provider: Arc<CryptoProvider>,
    custom_roots: Option<RootCertStore>,
    identity: Option<Arc<SingleCertAndKey>>,
    alpn: Vec<Vec<u8>>,
    server_name: Option<ServerName<'static>>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl TlsContext {
    /// Reads and checks the files named in the settings.
    ///
    /// # Errors
    ///
    /// A file cannot be read or contains nothing usable, certificate and key do not belong together, or the
    /// server name or an ALPN protocol is not valid.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsSettingsError> {
        let provider = Arc::new(ring::default_provider());
        let custom_roots = settings.ca_file.as_deref().map(load_roots).transpose()?;
        let identity = match (&settings.certificate, &settings.private_key) {
            (Some(certificate), Some(key)) => Some(load_identity(certificate, key, &provider)?),
            (None, None) => None,
            (Some(_), None) => {
                return Err(TlsSettingsError::new(
                    "A client certificate needs its private key: name the key file too.",
                ));
            }
            (None, Some(_)) => {
                return Err(TlsSettingsError::new(
                    "A private key needs its certificate: name the certificate file too.",
                ));
            }
        };
        let server_name = settings.server_name.as_deref().map(parse_server_name).transpose()?;
        let alpn = settings.alpn.iter().map(|protocol| parse_alpn(protocol)).collect::<Result<_, _>>()?;
        Ok(Self { provider, custom_roots, identity, alpn, server_name, config: OnceCell::new() })
    }

    /// Prepares everything that must not be counted as handshake time.
    pub(super) async fn prepare(&self) -> Result<Arc<ClientConfig>, Failure> {
        self.config.get_or_try_init(|| self.build()).await.map(Arc::clone)
    }

    async fn build(&self) -> Result<Arc<ClientConfig>, Failure> {
        let roots = match &self.custom_roots {
            Some(roots) => roots.clone(),
            None => tokio::task::spawn_blocking(platform_roots)
                .await
                .unwrap_or_else(|error| Err(error.to_string()))
                .map_err(|error| connect_failure::no_tls_context(&error))?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| connect_failure::no_tls_context(&error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity) as _),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.alpn);
        // Every handshake is a full one: a resumed one would skip the certificate, hide its expiry, and make
        // handshake times incomparable.
        config.resumption = Resumption::disabled();
        // Writes secrets only if the user set SSLKEYLOGFILE, to decrypt a packet capture.
        config.key_log = Arc::new(KeyLogFile::new());
        Ok(Arc::new(config))
    }

    /// The name for SNI and for the certificate check.
    fn server_name_for(&self, host: &str) -> Result<ServerName<'static>, Failure> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host.to_owned()).map_err(|_| connect_failure::no_server_name(host)),
        }
    }
}

/// A TLS stream that reports `close_notify` to the tap.
#[derive(Debug)]
pub(super) struct TappedTlsStream<S> {
    // Boxed: a TLS connection is several kilobytes, and streams are moved from layer to layer.
    stream: Box<TlsStream<S>>,
    tap: WireTap,
}

/// A finished handshake.
pub(super) struct TlsSession<S> {
    pub(super) stream: TappedTlsStream<S>,
    pub(super) certificate: Option<CertificateInfo>,
}

/// Makes the handshake. Also returns the negotiated version, cipher suite and ALPN protocol as text.
pub(super) async fn tls_handshake<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    context: &TlsContext,
    config: Arc<ClientConfig>,
    host: &str,
    tap: WireTap,
) -> Result<(TlsSession<S>, String), Failure> {
    let name = context.server_name_for(host)?;
    let stream = TlsConnector::from(config)
        .connect(name, socket)
        .await
        .map_err(|error| connect_failure::tls_failure(&error))?;
    let connection = stream.get_ref().1;
    let detail = negotiated_parameters(connection);
    let certificate = connection
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|leaf| CertificateInfo::from_der(leaf));
    Ok((TlsSession { stream: TappedTlsStream { stream: Box::new(stream), tap }, certificate }, detail))
}

fn negotiated_parameters(connection: &ClientConnection) -> String {
    let mut parts = Vec::new();
    if let Some(version) = connection.protocol_version() {
        parts.push(format!("{version:?}").replace("TLSv1_", "TLS 1."));
    }
    if let Some(suite) = connection.negotiated_cipher_suite() {
        parts.push(format!("{:?}", suite.suite()));
    }
    if let Some(protocol) = connection.alpn_protocol() {
        parts.push(format!("ALPN {}", sanitize_text(&String::from_utf8_lossy(protocol))));
    }
    parts.join(", ")
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TappedTlsStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let had_room = buf.remaining() > 0;
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if had_room && buf.filled().len() == before {
            // A missing close_notify is an error (UnexpectedEof), so this end has one.
            this.tap.on_close_notify();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TappedTlsStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

fn platform_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(roots);
    }
    let reason = found.errors.first().map_or_else(|| "none is installed".to_owned(), ToString::to_string);
    Err(format!("no certificate authorities of this system could be read ({reason}); name a CA file"))
}

fn load_roots(path: &Path) -> Result<RootCertStore, TlsSettingsError> {
    let mut roots = RootCertStore::empty();
    for certificate in load_certificates(path, "CA file")? {
        roots.add(certificate).map_err(|error| {
            file_error("CA file", path, &format!("one of its certificates is not usable: {error}"))
        })?;
    }
    Ok(roots)
}

fn load_identity(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<Arc<SingleCertAndKey>, TlsSettingsError> {
    let chain = load_certificates(certificate, "client certificate")?;
    let key_der = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| file_error("private key", key, &pem_error_text(&error)))?;
    let pair = CertifiedKey::from_der(chain, key_der, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            file_error("private key", key, "it does not belong to the client certificate")
        }
        other => file_error("private key", key, &other.to_string()),
    })?;
    Ok(Arc::new(SingleCertAndKey::from(pair)))
}

fn load_certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, TlsSettingsError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| file_error(what, path, &pem_error_text(&error)))?;
    if certificates.is_empty() {
        return Err(file_error(what, path, "it holds no PEM certificate"));
    }
    Ok(certificates)
}

fn pem_error_text(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => "it holds no PEM block of that kind".to_owned(),
        other => format!("it is not valid PEM: {other}"),
    }
}

fn file_error(what: &str, path: &Path, reason: &str) -> TlsSettingsError {
    let path = sanitize_text(&path.display().to_string());
    TlsSettingsError::new(format!("The {what} “{path}” cannot be used: {}.", sanitize_text(reason)))
}

fn parse_server_name(name: &str) -> Result<ServerName<'static>, TlsSettingsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        let name = sanitize_text(name);
        TlsSettingsError::new(format!("The TLS server name “{name}” is neither a host name nor an address."))
    })
}

fn parse_alpn(protocol: &str) -> Result<Vec<u8>, TlsSettingsError> {
    if (1..=255).contains(&protocol.len()) {
        return Ok(protocol.as_bytes().to_vec());
    }
    Err(TlsSettingsError::new("An ALPN protocol must have 1 to 255 bytes."))
}
