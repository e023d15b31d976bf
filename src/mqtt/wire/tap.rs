//! The traffic on the socket, its times, and how the peer closed.
//!
//! The tap sits between the TCP socket and everything above it, so its stamps and counts are those of
//! the wire: TLS records and WebSocket frames included.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::close_reason::{CloseEvidence, TransportLayers, WsCloseFrame};
use crate::diagnostics::{Clock, Stamp};
use crate::mqtt::failure::Failure;

/// Shared by the stream, which writes it, and the link, which reads it.
#[derive(Debug, Clone)]
pub struct WireTap {
    state: Arc<TapState>,
}

#[derive(Debug)]
struct TapState {
    clock: Arc<dyn Clock>,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    observations: Mutex<TapObservations>,
}

#[derive(Debug)]
struct TapObservations {
    last_rx: Option<Stamp>,
    last_tx: Option<Stamp>,
    close: CloseEvidence,
}

impl WireTap {
    pub(super) fn new(clock: Arc<dyn Clock>, layers: TransportLayers) -> Self {
        let observations =
            TapObservations { last_rx: None, last_tx: None, close: CloseEvidence::new(layers) };
        let state = TapState {
            clock,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            observations: Mutex::new(observations),
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

    /// When the socket took the last byte.
    pub fn last_tx(&self) -> Option<Stamp> {
        self.observations().last_tx
    }

    /// Whether the peer ended TLS with `close_notify`.
    pub fn close_notify_seen(&self) -> bool {
        self.observations().close.close_notify
    }

    /// Whether the peer sent a WebSocket close frame.
    pub fn close_frame_seen(&self) -> bool {
        self.observations().close.ws_close.is_some()
    }

    /// Whether the peer ended the TCP stream (FIN).
    pub fn fin_seen(&self) -> bool {
        self.observations().close.fin
    }

    /// Names the end of a stream that ended without an error (a read of zero bytes).
    pub fn failure_at_eof(&self) -> Failure {
        self.close_evidence().failure_at_eof()
    }

    /// Names the end of a stream whose read or write failed.
    pub fn failure_from_error(&self, error: &io::Error) -> Failure {
        self.close_evidence().failure_from_error(error)
    }

    /// Bytes were read from the socket.
    pub(super) fn on_received(&self, bytes: usize) {
        self.state.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
        let now = self.state.clock.now();
        self.observations().last_rx = Some(now);
    }

    /// The socket took bytes.
    pub(super) fn on_sent(&self, bytes: usize) {
        self.state.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        let now = self.state.clock.now();
        self.observations().last_tx = Some(now);
    }

    /// The socket delivered end of stream (FIN).
    pub(super) fn on_fin(&self) {
        self.observations().close.fin = true;
    }

    /// TLS ended with `close_notify`.
    pub(super) fn on_close_notify(&self) {
        self.observations().close.close_notify = true;
    }

    /// A close frame of the WebSocket arrived.
    pub(super) fn on_close_frame(&self, frame: WsCloseFrame) {
        self.observations().close.ws_close = Some(frame);
    }

    fn close_evidence(&self) -> CloseEvidence {
        self.observations().close.clone()
    }

    fn observations(&self) -> MutexGuard<'_, TapObservations> {
        self.state.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
