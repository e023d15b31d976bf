//! What is said to the broker, and recorded, when a session dropped?

use std::task::Context;

use futures_util::Sink as _;

use super::engine::OutboundPacket;
use super::failure::Failure;
use super::session::MqttSession;
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{DropKind, DroppedEvent, Layer};

impl MqttSession {
    /// Tells a broker that broke the protocol why the connection ends, if that can be said at once.
    pub(super) fn send_error_disconnect(&mut self, cx: &mut Context<'_>, failure: &Failure) {
        let too_large = failure.how == DropKind::Local;
        if failure.layer != Layer::Mqtt || !(too_large || failure.how == DropKind::Io) {
            return;
        }
        let mut framed = self.framed_mut();
        if framed.as_mut().start_send(OutboundPacket::ErrorDisconnect { too_large }).is_ok() {
            // Whether it is taken or not, the session is over.
            let _ = framed.poll_flush(cx);
        }
    }

    /// The record of a drop.
    pub(super) fn dropped_event(&self, failure: &Failure, now: Stamp, queued: usize) -> DroppedEvent {
        let ago = |last: Option<Stamp>| last.map(|last| now.since(last).as_secs_f64());
        let (last_rx, last_tx) = self.last_traffic(failure.how);
        DroppedEvent {
            active_subscriptions: self.active_subscriptions,
            queued_commands: u32::try_from(queued).unwrap_or(u32::MAX),
            last_rx_secs: ago(last_rx),
            last_tx_secs: ago(last_tx),
            packets: self.ring.packets_before(now),
            ..failure.dropped_event()
        }
    }

    /// The last traffic before the end, in and out. A farewell is bytes as well, and our answer to it:
    /// the silence that may have been its reason ended with them, so packets count then.
    fn last_traffic(&self, how: DropKind) -> (Option<Stamp>, Option<Stamp>) {
        match how {
            DropKind::WsClose | DropKind::TlsClose | DropKind::TlsAlert | DropKind::Disconnect => {
                (Some(self.ring.last_in()), Some(self.ring.last_out()))
            }
            DropKind::Fin | DropKind::Rst | DropKind::PingTimeout | DropKind::Io | DropKind::Local => {
                (self.tap.last_rx(), self.tap.last_tx())
            }
        }
    }
}
