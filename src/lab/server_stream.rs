//! What carries one connection's bytes, and in which manners can it be ended?

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

/// How long an ended connection waits for the peer's own FIN. Closing a socket that has unread
/// bytes makes the kernel send RST instead of the FIN that was promised.
const DRAIN: Duration = Duration::from_secs(1);

/// Stands for a WebSocket Close frame without a code (RFC 6455 §7.1.5); never sent itself.
const NO_CODE: u16 = 1005;

/// Any in-memory stream.
pub(super) trait MemoryStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> MemoryStream for S {}

/// One connection's transport, with the raw socket in reach.
pub(super) enum ServerStream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Ws(Box<WebSocketBytes<TcpStream>>),
    Wss(Box<WebSocketBytes<TlsStream<TcpStream>>>),
    Memory(Box<dyn MemoryStream>, Parting),
}

/// What an in-memory stream cannot carry: the manner in which the far end ended it. The first to end it
/// decides.
#[derive(Debug, Clone, Default)]
pub struct Parting(Arc<OnceLock<Ending>>);

impl Parting {
    /// Whether the far end meant a TCP RST. `false` while it has not ended.
    pub fn is_reset(&self) -> bool {
        matches!(self.0.get(), Some(Ending::Reset))
    }

    fn say(&self, ending: &Ending) {
        let _ = self.0.set(ending.clone());
    }

    pub(super) fn said(&self) -> Option<Ending> {
        self.0.get().cloned()
    }
}

/// The manner in which a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// All layers say goodbye: WebSocket Close, TLS `close_notify`, FIN.
    Goodbye,
    /// TLS `close_notify` and FIN.
    Fin,
    /// FIN only.
    BareFin,
    /// RST.
    Reset,
    /// WebSocket Close with a code, then as [`Ending::Fin`].
    WebSocketClose { code: u16, reason: String },
    /// Encrypted fatal TLS alert, then FIN.
    TlsAlert,
    /// Drop the socket, as a dying process does.
    Abandon,
}

impl ServerStream {
    fn raw(&mut self) -> Option<&mut TcpStream> {
        match self {
            Self::Tcp(tcp) => Some(tcp),
            Self::Tls(tls) => Some(tls.get_mut().0),
            Self::Ws(ws) => Some(ws.below()),
            Self::Wss(wss) => Some(wss.below().get_mut().0),
            Self::Memory(..) => None,
        }
    }

    fn tls(&mut self) -> Option<&mut TlsStream<TcpStream>> {
        match self {
            Self::Tls(tls) => Some(tls),
            Self::Wss(wss) => Some(wss.below()),
            Self::Tcp(_) | Self::Ws(_) | Self::Memory(..) => None,
        }
    }

    /// How the far end of an in-memory stream said that it ends.
    pub(super) fn parting(&self) -> Option<Ending> {
        match self {
            Self::Memory(_, parting) => parting.said(),
            Self::Tcp(_) | Self::Tls(_) | Self::Ws(_) | Self::Wss(_) => None,
        }
    }

    /// Ends the connection in the given manner and then waits, bounded, for the peer to go.
    pub(super) async fn end(mut self, ending: Ending) {
        if let Self::Memory(_, parting) = &self {
            parting.say(&ending);
        }
        // A peer that is already gone makes any of this fail, and then there is nothing to do.
        let _ = tokio::time::timeout(DRAIN, async {
            let _ = self.say(ending).await;
        })
        .await;
    }

    async fn say(&mut self, ending: Ending) -> io::Result<()> {
        match ending {
            Ending::Abandon => return Ok(()),
            Ending::Reset => {
                if let Some(tcp) = self.raw() {
                    SockRef::from(&*tcp).set_linger(Some(Duration::ZERO))?;
                }
                return Ok(());
            }
            Ending::Goodbye => {
                self.send_close_frame(1000, String::new()).await;
                self.finish_tls().await?;
            }
            Ending::WebSocketClose { code, reason } => {
                self.send_close_frame(code, reason).await;
                self.finish_tls().await?;
            }
            Ending::Fin => self.finish_tls().await?,
            Ending::BareFin => {}
            Ending::TlsAlert => self.send_fatal_alert().await?,
        }
        self.finish_raw().await
    }

    async fn send_close_frame(&mut self, code: u16, reason: String) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let close = Message::Close((code != NO_CODE).then_some(frame));
        let sent = match self {
            Self::Ws(ws) => ws.socket().send(close).await,
            Self::Wss(wss) => wss.socket().send(close).await,
            Self::Tcp(_) | Self::Tls(_) | Self::Memory(..) => return,
        };
        drop(sent);
    }

    async fn finish_tls(&mut self) -> io::Result<()> {
        match self.tls() {
            Some(tls) => tls.shutdown().await,
            None => Ok(()),
        }
    }

    /// Feeds the server's own TLS a record that cannot be decrypted: it answers with a genuine
    /// encrypted fatal alert.
    async fn send_fatal_alert(&mut self) -> io::Result<()> {
        let Some(tls) = self.tls() else { return Ok(()) };
        let (tcp, session) = tls.get_mut();
        let mut record = vec![0x17, 0x03, 0x03, 0x00, 0x20];
        record.resize(5 + 0x20, 0);
        session.read_tls(&mut record.as_slice())?;
        let refused = session.process_new_packets().is_err();
        let mut alert = Vec::new();
        while refused && session.wants_write() {
            session.write_tls(&mut alert)?;
        }
        tcp.write_all(&alert).await
    }

    /// FIN, then reads until the peer closes too.
    async fn finish_raw(&mut self) -> io::Result<()> {
        let mut rest = [0; 4096];
        match self {
            Self::Memory(stream, _) => {
                stream.shutdown().await?;
                while stream.read(&mut rest).await? > 0 {}
            }
            other => {
                let Some(tcp) = other.raw() else { return Ok(()) };
                // TLS may have sent the FIN already; the second one then fails harmlessly.
                let _ = SockRef::from(&*tcp).shutdown(Shutdown::Write);
                while tcp.read(&mut rest).await? > 0 {}
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
