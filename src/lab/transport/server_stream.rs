//! The byte stream of one connection and every way to close it.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::SinkExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use super::websocket::WebSocketBytes;

/// How long a closed connection waits for the peer's own FIN. Closing a socket that has unread
/// bytes makes the kernel send RST instead of the intended FIN.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// Means a WebSocket Close frame without a code (RFC 6455 §7.1.5); never sent itself.
const NO_CODE: u16 = 1005;

/// Any in-memory stream.
pub(in crate::lab) trait MemoryStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> MemoryStream for S {}

/// One connection's transport, with access to the raw socket.
pub(in crate::lab) enum ServerStream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Ws(Box<WebSocketBytes<TcpStream>>),
    Wss(Box<WebSocketBytes<TlsStream<TcpStream>>>),
    Memory(Box<dyn MemoryStream>, CloseSignal),
}

/// How an in-memory stream was closed, which the stream itself cannot carry. The first close counts.
#[derive(Debug, Clone, Default)]
pub struct CloseSignal(Arc<OnceLock<CloseMode>>);

impl CloseSignal {
    /// Whether the close stands for a TCP RST. `false` while the stream is open.
    pub fn is_reset(&self) -> bool {
        matches!(self.0.get(), Some(CloseMode::Reset))
    }

    fn record(&self, mode: &CloseMode) {
        let _ = self.0.set(mode.clone());
    }

    pub(in crate::lab) fn mode(&self) -> Option<CloseMode> {
        self.0.get().cloned()
    }
}

/// How a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab) enum CloseMode {
    /// An orderly close of all layers: WebSocket Close, TLS `close_notify`, FIN.
    Graceful,
    /// TLS `close_notify` and FIN.
    Fin,
    /// FIN only.
    BareFin,
    /// RST.
    Reset,
    /// WebSocket Close with a code, then as [`CloseMode::Fin`].
    WebSocketClose { code: u16, reason: String },
    /// Encrypted fatal TLS alert, then FIN.
    TlsAlert,
    /// Drop the socket, as a dying process does.
    Abort,
}

impl ServerStream {
    fn tcp_mut(&mut self) -> Option<&mut TcpStream> {
        match self {
            Self::Tcp(tcp) => Some(tcp),
            Self::Tls(tls) => Some(tls.get_mut().0),
            Self::Ws(ws) => Some(ws.inner_mut()),
            Self::Wss(wss) => Some(wss.inner_mut().get_mut().0),
            Self::Memory(..) => None,
        }
    }

    fn tls_mut(&mut self) -> Option<&mut TlsStream<TcpStream>> {
        match self {
            Self::Tls(tls) => Some(tls),
            Self::Wss(wss) => Some(wss.inner_mut()),
            Self::Tcp(_) | Self::Ws(_) | Self::Memory(..) => None,
        }
    }

    /// How the peer closed an in-memory stream, if it did.
    pub(in crate::lab) fn peer_close(&self) -> Option<CloseMode> {
        match self {
            Self::Memory(_, signal) => signal.mode(),
            Self::Tcp(_) | Self::Tls(_) | Self::Ws(_) | Self::Wss(_) => None,
        }
    }

    /// Closes the connection in the given mode and then waits, bounded, for the peer to close too.
    pub(in crate::lab) async fn close(mut self, mode: CloseMode) {
        if let Self::Memory(_, signal) = &self {
            signal.record(&mode);
        }
        // If the peer is already gone, any of this fails, and nothing remains to be done.
        let _ = tokio::time::timeout(DRAIN_LIMIT, async {
            let _ = self.send_close(mode).await;
        })
        .await;
    }

    async fn send_close(&mut self, mode: CloseMode) -> io::Result<()> {
        match mode {
            CloseMode::Abort => return Ok(()),
            CloseMode::Reset => {
                if let Some(tcp) = self.tcp_mut() {
                    SockRef::from(&*tcp).set_linger(Some(Duration::ZERO))?;
                }
                return Ok(());
            }
            CloseMode::Graceful => {
                self.send_close_frame(1000, String::new()).await;
                self.shutdown_tls().await?;
            }
            CloseMode::WebSocketClose { code, reason } => {
                self.send_close_frame(code, reason).await;
                self.shutdown_tls().await?;
            }
            CloseMode::Fin => self.shutdown_tls().await?,
            CloseMode::BareFin => {}
            CloseMode::TlsAlert => self.send_fatal_alert().await?,
        }
        self.shutdown_tcp().await
    }

    async fn send_close_frame(&mut self, code: u16, reason: String) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let close = Message::Close((code != NO_CODE).then_some(frame));
        let sent = match self {
            Self::Ws(ws) => ws.socket_mut().send(close).await,
            Self::Wss(wss) => wss.socket_mut().send(close).await,
            Self::Tcp(_) | Self::Tls(_) | Self::Memory(..) => return,
        };
        drop(sent);
    }

    async fn shutdown_tls(&mut self) -> io::Result<()> {
        match self.tls_mut() {
            Some(tls) => tls.shutdown().await,
            None => Ok(()),
        }
    }

    /// Feeds the server's own TLS a record that cannot be decrypted: it answers with a genuine
    /// encrypted fatal alert.
    async fn send_fatal_alert(&mut self) -> io::Result<()> {
        let Some(tls) = self.tls_mut() else { return Ok(()) };
        let (tcp, session) = tls.get_mut();
        let mut record = vec![0x17, 0x03, 0x03, 0x00, 0x20];
        record.resize(5 + 0x20, 0);
        session.read_tls(&mut record.as_slice())?;
        let is_refused = session.process_new_packets().is_err();
        let mut alert = Vec::new();
        while is_refused && session.wants_write() {
            session.write_tls(&mut alert)?;
        }
        tcp.write_all(&alert).await
    }

    /// FIN, then reads until the peer closes too.
    async fn shutdown_tcp(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        match self {
            Self::Memory(stream, _) => {
                stream.shutdown().await?;
                while stream.read(&mut buffer).await? > 0 {}
            }
            other => {
                let Some(tcp) = other.tcp_mut() else { return Ok(()) };
                // TLS may have sent the FIN already; the second one then fails harmlessly.
                let _ = SockRef::from(&*tcp).shutdown(Shutdown::Write);
                while tcp.read(&mut buffer).await? > 0 {}
            }
        }
        Ok(())
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Ws(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Wss(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Memory(stream, _) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Ws(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Wss(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Memory(stream, _) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Ws(stream) => Pin::new(stream).poll_flush(cx),
            Self::Wss(stream) => Pin::new(stream).poll_flush(cx),
            Self::Memory(stream, _) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Ws(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Wss(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream, _) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
