//! The faults of one connection, and their combined decision about each packet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::forwarder::PacketDecision;
use crate::lab::gateway::fault_action::FaultAction;
use crate::lab::gateway::field_time::fault_rng;
use crate::lab::gateway::packet::{self, ConnectFields, PacketKind};
use crate::lab::gateway::path_fault::PathFaultId;
use crate::lab::gateway::session_fault::{
    PacketDirection, PacketEffect, RelayedPacket, SessionFault, SessionStart,
};
use crate::lab::gateway::state::{ArmedFault, GatewayState};

/// The CONNECT of a connection.
pub(super) struct ReceivedConnect {
    pub(super) fields: ConnectFields,
    /// The packet as received.
    pub(super) packet: Bytes,
}

/// The state of all faults on one connection.
pub(super) struct ConnectionFaults {
    state: Arc<GatewayState>,
    number: u64,
    session_faults: Vec<(PathFaultId, SessionFault)>,
    /// The newest fault seen by `update`.
    newest: PathFaultId,
    pub(super) connect: Option<ReceivedConnect>,
    /// Whether a CONNACK accepted the client.
    is_in_session: bool,
    /// When the delayed PINGRESPs are due.
    late_pings: VecDeque<Instant>,
}

impl ConnectionFaults {
    pub(super) fn new(state: Arc<GatewayState>, number: u64) -> Self {
        Self {
            state,
            number,
            session_faults: Vec::new(),
            newest: PathFaultId(0),
            connect: None,
            is_in_session: false,
            late_pings: VecDeque::new(),
        }
    }

    /// Adds the newly armed faults and removes the disarmed ones.
    pub(super) fn update(&mut self, armed_faults: &[ArmedFault], now: Instant) {
        self.session_faults.retain(|(id, _)| armed_faults.iter().any(|armed| armed.id == *id));
        let newest = self.newest;
        for armed in armed_faults.iter().filter(|armed| armed.id > newest) {
            self.newest = armed.id;
            let rng = fault_rng(self.state.seed, armed.id, self.number);
            let latency = SessionFault::for_path(&armed.fault, self.state.scale, rng);
            self.session_faults.extend(latency.map(|path| (armed.id, path)));
            // For a fault armed in the middle of a session the client is not a returning one.
            if self.is_in_session {
                self.start_fault(armed, false, now);
            }
        }
    }

    fn start_fault(&mut self, armed: &ArmedFault, is_returning: bool, now: Instant) {
        let Some(ReceivedConnect { fields, .. }) = &self.connect else { return };
        let start = SessionStart {
            scale: self.state.scale,
            seed: self.state.seed,
            fault_id: armed.id,
            connection: self.number,
            now,
            connect: fields,
            is_returning,
        };
        self.session_faults
            .extend(SessionFault::for_session(&armed.fault, &start).map(|fault| (armed.id, fault)));
    }

    /// When the next action without a packet is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.session_faults.iter().filter_map(|(_, fault)| fault.due()).min()
    }

    /// When a late PINGRESP is due.
    pub(super) fn late_ping_due(&self) -> Option<Instant> {
        self.late_pings.front().copied()
    }

    /// The next action without a packet that is due by now.
    pub(super) fn take_due_action(&mut self, now: Instant) -> Option<(PathFaultId, FaultAction)> {
        self.session_faults
            .iter_mut()
            .find_map(|(id, fault)| fault.take_due_action(now).map(|action| (*id, action)))
    }

    /// How many late PINGRESPs are due by now.
    pub(super) fn take_late_pings(&mut self, now: Instant) -> usize {
        let due = self.late_pings.iter().take_while(|due| **due <= now).count();
        self.late_pings.drain(..due);
        due
    }

    /// Decides about a packet.
    pub(super) fn decide(&mut self, packet: &mut RelayedPacket<'_>, now: Instant) -> PacketDecision {
        match (packet.direction, packet.header.kind) {
            (PacketDirection::ToServer, PacketKind::Connect) if self.connect.is_none() => {
                if let Some(rejection) = self.read_connect(packet) {
                    return rejection;
                }
            }
            (PacketDirection::ToClient, PacketKind::ConnAck)
                if !self.is_in_session && packet::is_connack_accepted(packet.bytes, &packet.header) =>
            {
                self.begin_session(now);
            }
            _ => {}
        }
        self.apply_faults(packet, now)
    }

    /// Parses the CONNECT; with expired credentials the packet is dropped and the connect rejected.
    fn read_connect(&mut self, packet: &RelayedPacket<'_>) -> Option<PacketDecision> {
        let fields = packet::parse_connect(packet.bytes, &packet.header)?;
        let packet_bytes = Bytes::copy_from_slice(&packet.bytes[..packet.header.length]);
        self.connect = Some(ReceivedConnect { fields, packet: packet_bytes });
        let credential_fault = self.state.credential_fault()?;
        let effect = PacketEffect { swallow: true, ..PacketEffect::default() };
        Some(PacketDecision { effect, action: Some((credential_fault, FaultAction::RejectConnect)) })
    }

    fn begin_session(&mut self, now: Instant) {
        let Some(ReceivedConnect { fields, .. }) = &self.connect else { return };
        let is_returning = self.state.mark_client_seen(&fields.client_id);
        self.is_in_session = true;
        self.state.metrics.sessions.add(1);
        let armed = self.state.armed();
        // Faults newer than the last update start with the next update.
        let newest = self.newest;
        for armed in armed.iter().filter(|armed| armed.id <= newest) {
            self.start_fault(armed, is_returning, now);
        }
    }

    fn apply_faults(&mut self, packet: &mut RelayedPacket<'_>, now: Instant) -> PacketDecision {
        let mut decision = PacketDecision::default();
        for (id, fault) in &mut self.session_faults {
            let effect = fault.apply_to_packet(packet, now);
            decision.effect.swallow |= effect.swallow;
            decision.effect.delay += effect.delay;
            decision.effect.losses += effect.losses;
            if let Some(reply_delay) = effect.reply_delay {
                let total_delay = decision.effect.reply_delay.unwrap_or(Duration::ZERO);
                decision.effect.reply_delay = Some(total_delay + reply_delay);
            }
            if decision.action.is_none() {
                decision.action = effect.action.map(|action| (*id, action));
            }
            if let Some(modification) = effect.modification {
                self.state.log_injection(*id, Some(self.number), modification);
            }
        }
        let effect = &mut decision.effect;
        if effect.swallow {
            self.state.metrics.swallowed.add(1);
        } else if let Some(reply_delay) = effect.reply_delay {
            // The relay sends the PINGRESP later; the packets behind it do not wait.
            effect.swallow = true;
            let last = self.late_pings.back().copied().unwrap_or(now);
            self.late_pings.push_back((now + reply_delay).max(last));
        }
        if effect.losses > 0 {
            self.state.metrics.retransmitted.add(u64::from(effect.losses));
        }
        decision
    }
}
