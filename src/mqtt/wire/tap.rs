//! What really passed the socket, when, and how the peer said goodbye.
//!
//! The tap sits between the TCP socket and everything above it, so its stamps and counts are those of
//! the wire: TLS records and WebSocket frames included.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::diagnostics::{Clock, Stamp};

/// Shared by the stream, which writes it, and the link, which reads it.
#[derive(Debug, Clone)]
pub struct WireTap {
    state: Arc<TapState>,
}

#[derive(Debug)]
struct TapState {
    clock: Arc<dyn Clock>,
    layers: TransportLayers,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    observations: Mutex<TapObservations>,
}

/// What lies above the socket; decides which goodbye would have been the polite one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TransportLayers {
    pub(super) tls: bool,
    pub(super) websocket: bool,
}

/// Everything seen so far that an ending can be named from.
#[derive(Debug, Clone, Default)]
pub(super) struct TapObservations {
    last_rx: Option<Stamp>,
    last_tx: Option<Stamp>,
    /// The socket delivered end of stream (FIN).
    pub(super) fin: bool,
    /// TLS ended with `close_notify`.
    pub(super) close_notify: bool,
    /// The close frame of the WebSocket.
    pub(super) ws_close: Option<WsCloseFrame>,
}

/// A WebSocket close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WsCloseFrame {
    /// `None`: the frame had no status code.
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

impl WireTap {
    pub(super) fn new(clock: Arc<dyn Clock>, layers: TransportLayers) -> Self {
        let state = TapState {
            clock,
            layers,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            observations: Mutex::default(),
        };
        Self { state: Arc::new(state) }
    }

    /// Bytes received since the socket was opened, handshakes included.
    pub fn bytes_in(&self) -> u64 {
        self.state.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes sent since the socket was opened, handshakes included.
    pub fn bytes_out(&self) -> u64 {
        self.state.bytes_out.load(Ordering::Relaxed)
    }

    /// When the last byte came in.
    pub fn last_rx(&self) -> Option<Stamp> {
        self.observations().last_rx
    }

    /// When the last byte was taken by the socket.
    pub fn last_tx(&self) -> Option<Stamp> {
        self.observations().last_tx
    }

    /// Whether the peer ended TLS with `close_notify`.
    pub fn close_notify_seen(&self) -> bool {
        self.observations().close_notify
    }

    /// Whether the peer sent a WebSocket close frame.
    pub fn close_frame_seen(&self) -> bool {
        self.observations().ws_close.is_some()
    }

    /// Whether the peer ended the TCP stream (FIN).
    pub fn fin_seen(&self) -> bool {
        self.observations().fin
    }

    pub(super) fn layers(&self) -> TransportLayers {
        self.state.layers
    }

    pub(super) fn observations(&self) -> MutexGuard<'_, TapObservations> {
        self.state.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn received(&self, bytes: usize) {
        self.state.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        let now = self.state.clock.now();
        self.observations().last_rx = Some(now);
    }

    fn sent(&self, bytes: usize) {
        self.state.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        let now = self.state.clock.now();
        self.observations().last_tx = Some(now);
    }
}

/// The socket with its tap.
#[derive(Debug)]
pub(super) struct TappedSocket<S> {
    socket: S,
    tap: WireTap,
    /// Why writing failed. An error is told only once by the operating system: after the write has heard
    /// of a reset, the read would see a mere end of stream and call it a FIN.
    write_error: Option<io::Error>,
}

impl<S> TappedSocket<S> {
    pub(super) fn new(socket: S, tap: WireTap) -> Self {
        Self { socket, tap, write_error: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TappedSocket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let had_room = buf.remaining() > 0;
        ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        match buf.filled().len() - before {
            0 if had_room => {
                if let Some(error) = this.write_error.take() {
                    return Poll::Ready(Err(error));
                }
                this.tap.observations().fin = true;
            }
            0 => {}
            bytes => this.tap.received(bytes),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TappedSocket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(Pin::new(&mut this.socket).poll_write(cx, bytes)) {
            Ok(written) => {
                if written > 0 {
                    this.tap.sent(written);
                }
                Poll::Ready(Ok(written))
            }
            Err(error) => {
                this.write_error = error_for_read(&error);
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// The error once more, for the read; none for a broken pipe, which only says that reading has ended too.
fn error_for_read(error: &io::Error) -> Option<io::Error> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => None,
        kind => Some(error.raw_os_error().map_or_else(|| kind.into(), io::Error::from_raw_os_error)),
    }
}
