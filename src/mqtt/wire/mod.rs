//! Our own transport: how do bytes get to the broker and back, and how did that end?

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use chrono::{DateTime, Utc};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::failure::Failure;
use crate::diagnostics::error_name::{AWS_ERROR_MQTT_UNEXPECTED_HANGUP, AWS_IO_SOCKET_CLOSED};
use crate::diagnostics::event::{How, Layer, Phase, PhaseTiming};
use crate::diagnostics::{Clock, Stamp};

/// Where a connect is: written by the opener, read by the screen.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Option<(Phase, Stamp)>>);

impl Progress {
    /// The connect entered `phase`.
    pub fn enter(&self, phase: Phase, since: Stamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((phase, since));
    }

    /// The current phase and since when; `None` before the first.
    pub fn current(&self) -> Option<(Phase, Stamp)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of opening the transport.
#[derive(Debug)]
pub struct Opened {
    /// The phases passed, in order.
    pub phases: Vec<PhaseTiming>,
    /// The wire, or where and why it failed.
    pub result: Result<Wire, OpenFailure>,
}

/// A transport that could not be opened.
#[derive(Debug)]
pub struct OpenFailure {
    /// The phase it failed in.
    pub phase: Phase,
    /// Why.
    pub failure: Failure,
}

/// The broker's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Valid from.
    pub not_before: DateTime<Utc>,
    /// Valid to.
    pub not_after: DateTime<Utc>,
    /// Names it is for.
    pub names: Vec<String>,
}

/// An open transport.
#[derive(Debug)]
pub struct Wire {
    /// The bytes.
    pub stream: WireStream,
    /// What passed and how it ended.
    pub tap: WireTap,
    /// Address of the broker.
    pub remote: SocketAddr,
    /// Own address.
    pub local: SocketAddr,
    /// The broker's certificate, over TLS.
    pub certificate: Option<CertificateInfo>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Wire {
    /// A wire over any stream, for tests.
    pub fn from_stream(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let tap = WireTap::default();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            stream: WireStream { inner: Box::new(stream), tap: tap.clone(), clock },
            tap,
            remote: nowhere,
            local: nowhere,
            certificate: None,
        }
    }
}

/// The byte stream of a wire.
pub struct WireStream {
    inner: Box<dyn Stream>,
    tap: WireTap,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for WireStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WireStream").field("tap", &self.tap).finish_non_exhaustive()
    }
}

impl AsyncRead for WireStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        if read > 0 {
            self.tap.received(read, self.clock.now());
        }
        result
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = &result {
            self.tap.sent(*written, self.clock.now());
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What passed over a wire.
#[derive(Debug, Clone, Default)]
pub struct WireTap(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    last: Mutex<(Option<Stamp>, Option<Stamp>)>,
}

impl WireTap {
    fn received(&self, bytes: usize, at: Stamp) {
        self.0.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(at);
    }

    fn sent(&self, bytes: usize, at: Stamp) {
        self.0.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(at);
    }

    /// Bytes received.
    pub fn bytes_in(&self) -> u64 {
        self.0.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes sent.
    pub fn bytes_out(&self) -> u64 {
        self.0.bytes_out.load(Ordering::Relaxed)
    }

    /// When the last byte arrived.
    pub fn last_rx(&self) -> Option<Stamp> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// When the last byte left.
    pub fn last_tx(&self) -> Option<Stamp> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// How a wire ended that gave end-of-file.
    pub fn ending_of_eof(&self) -> Failure {
        Failure::new(AWS_ERROR_MQTT_UNEXPECTED_HANGUP, Layer::Tcp, How::Fin, "the peer closed the connection")
    }

    /// How a wire ended that gave `error`.
    pub fn ending_of_error(&self, error: &io::Error) -> Failure {
        Failure::new(AWS_IO_SOCKET_CLOSED, Layer::Tcp, How::Rst, error.to_string())
    }
}
