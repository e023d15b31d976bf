//! The opened wire, independent of the layers between it and the socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::certificate::CertificateInfo;
use super::close_reason::TransportLayers;
use super::tap::WireTap;
use super::tapped_socket::TappedSocket;
use crate::diagnostics::Clock;

/// An open connection to a broker, ready for CONNECT.
#[derive(Debug)]
pub struct WireConnection {
    /// Carries MQTT bytes.
    pub stream: WireStream,
    /// Traffic on the socket and how it ended.
    pub tap: WireTap,
    /// Address and port of the broker (of the proxy, if there is one).
    pub remote: SocketAddr,
    /// Own address and port.
    pub local: SocketAddr,
    /// The broker's certificate, over TLS.
    pub certificate: Option<CertificateInfo>,
}

impl WireConnection {
    /// A wire over a stream that is already open, as plain TCP would be: for in-memory connections.
    ///
    /// Both addresses are `0.0.0.0:0`.
    pub fn from_stream(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let tap = WireTap::new(clock, TransportLayers::default());
        let unspecified = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Self {
            stream: WireStream::new(TappedSocket::new(stream, tap.clone())),
            tap,
            remote: unspecified,
            local: unspecified,
            certificate: None,
        }
    }
}

/// A stream in both directions.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// MQTT bytes over TCP, TLS, WebSocket or both.
///
/// Shutting it down closes every layer in order: close frame, `close_notify`, FIN.
pub struct WireStream {
    inner: Box<dyn Duplex>,
}

impl WireStream {
    pub(super) fn new(inner: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { inner: Box::new(inner) }
    }
}

impl fmt::Debug for WireStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireStream").finish_non_exhaustive()
    }
}

impl AsyncRead for WireStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
