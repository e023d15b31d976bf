//! MQTT packets over the wire of one session. Every end of the stream comes out as a [`Failure`].

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use tokio_util::codec::Framed;

use super::engine::{CodecError, Engine, OutboundPacket, ReceivedPacket, mqtt_failure};
use super::failure::Failure;
use super::packet_ring::PacketRing;
use super::wire::{WireStream, WireTap};
use crate::diagnostics::Stamp;
use crate::diagnostics::error_name::AWS_ERROR_MQTT_TIMEOUT;
use crate::diagnostics::event::{DropKind, PacketNote};

/// Bytes waiting to be written above which the session is given up.
const BACKLOG_LIMIT: usize = 16 * 1024 * 1024;

/// The codec over its stream, the packets that passed last, and what is still to be written.
#[derive(Debug)]
pub(super) struct PacketStream {
    framed: Framed<WireStream, Engine>,
    tap: WireTap,
    ring: PacketRing,
    unflushed: bool,
    write_error: Option<Failure>,
}

impl PacketStream {
    /// The stream after the CONNACK, which came at `accepted`.
    pub(super) fn new(framed: Framed<WireStream, Engine>, tap: WireTap, accepted: Stamp) -> Self {
        Self { framed, tap, ring: PacketRing::new(accepted), unflushed: false, write_error: None }
    }

    /// Traffic on the wire below the packets.
    pub(super) fn tap(&self) -> &WireTap {
        &self.tap
    }

    /// The protocol state.
    pub(super) fn engine(&self) -> &Engine {
        self.framed.codec()
    }

    /// The packets that passed last, oldest first, dated back from `now`.
    pub(super) fn packets_before(&self, now: Stamp) -> Vec<PacketNote> {
        self.ring.packets_before(now)
    }

    /// The last traffic before an end of the given kind, in and out. A close message of the peer and our
    /// answer to it are bytes too. They end the silence that may have been the reason for the close, so for
    /// these kinds the last MQTT packets count.
    pub(super) fn last_traffic(&self, how: DropKind) -> (Option<Stamp>, Option<Stamp>) {
        match how {
            DropKind::WsClose | DropKind::TlsClose | DropKind::TlsAlert | DropKind::Disconnect => {
                (Some(self.ring.last_in()), Some(self.ring.last_out()))
            }
            DropKind::Fin | DropKind::Rst | DropKind::PingTimeout | DropKind::Io | DropKind::Local => {
                (self.tap.last_rx(), self.tap.last_tx())
            }
        }
    }

    /// The next packet, or how the stream ended.
    pub(super) fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Result<ReceivedPacket, Failure>> {
        Poll::Ready(match ready!(Pin::new(&mut self.framed).poll_next(cx)) {
            Some(Ok(packet)) => Ok(packet),
            Some(Err(CodecError::Failed(failure))) => Err(failure),
            Some(Err(CodecError::Io(error))) => Err(self.tap.failure_from_error(&error)),
            None => Err(self.failure_at_eof()),
        })
    }

    fn failure_at_eof(&self) -> Failure {
        let mut failure = self.tap.failure_at_eof();
        let truncated_bytes = self.engine().truncated_bytes();
        if truncated_bytes > 0 {
            failure.detail = format!("{}, {truncated_bytes} bytes into an unfinished packet", failure.detail);
        }
        failure
    }

    /// Notes a packet that was received; `topic` is empty except for a PUBLISH.
    pub(super) fn record_received(&mut self, first: u8, topic: Bytes, bytes: usize, now: Stamp) {
        self.ring.record(now, true, first, topic, bytes);
    }

    /// Puts a packet into the write buffer; `first` is the first byte of its header.
    pub(super) fn send(&mut self, item: OutboundPacket, first: u8, topic: Bytes, now: Stamp) {
        let before = self.buffered();
        match Pin::new(&mut self.framed).start_send(item) {
            Ok(()) => {
                let bytes = self.buffered().saturating_sub(before);
                self.ring.record(now, false, first, topic, bytes);
                self.unflushed = true;
            }
            Err(CodecError::Failed(failure)) => {
                tracing::warn!(packet = super::reason_text::packet_name(first), why = %failure.detail, "not sent");
            }
            Err(CodecError::Io(error)) => self.write_error = Some(self.tap.failure_from_error(&error)),
        }
    }

    /// Bytes in the write buffer.
    pub(super) fn buffered(&self) -> usize {
        self.framed.write_buffer().len()
    }

    /// The end of a session whose peer reads nothing while too much waits to be written.
    pub(super) fn backlog_failure(&self) -> Option<Failure> {
        let detail = "the broker reads no data: more than 16 MiB wait to be sent";
        (self.buffered() > BACKLOG_LIMIT)
            .then(|| mqtt_failure(AWS_ERROR_MQTT_TIMEOUT, DropKind::Local, detail))
    }

    /// Whether a write failed. Reading goes on: the broker may have sent the reason before.
    pub(super) fn has_write_error(&self) -> bool {
        self.write_error.is_some()
    }

    /// Why a write failed.
    pub(super) fn take_write_error(&mut self) -> Option<Failure> {
        self.write_error.take()
    }

    /// Writes the buffer; `true`: the wire took the last of it just now.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.unflushed || self.write_error.is_some() {
            return false;
        }
        match Pin::new(&mut self.framed).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                return true;
            }
            Poll::Ready(Err(CodecError::Failed(failure))) => self.write_error = Some(failure),
            Poll::Ready(Err(CodecError::Io(error))) => {
                self.write_error = Some(self.tap.failure_from_error(&error));
            }
            Poll::Pending => {}
        }
        false
    }

    /// Sends a DISCONNECT that states the broker's protocol violation, if the socket takes it at once.
    pub(super) fn send_error_disconnect(&mut self, cx: &mut Context<'_>, too_large: bool) {
        let mut framed = Pin::new(&mut self.framed);
        if framed.as_mut().start_send(OutboundPacket::ErrorDisconnect { too_large }).is_ok() {
            // The session is over whether the socket takes it or not.
            let _ = framed.poll_flush(cx);
        }
    }

    /// Writes the rest and closes the transport; `true`: all of it was written.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        Pin::new(&mut self.framed).poll_close(cx).map(|result| result.is_ok())
    }
}
