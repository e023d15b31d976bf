//! Which ailments does a connection have, and what do they make of its packets together?

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
use crate::lab::gateway::server::{ArmedFault, GatewayState};
use crate::lab::gateway::session_fault::{
    PacketDirection, PacketEffect, RelayedPacket, SessionFault, SessionStart,
};

/// What a connection said about itself in its CONNECT.
pub(super) struct ReceivedConnect {
    pub(super) fields: ConnectFields,
    /// The CONNECT as it came.
    pub(super) packet: Bytes,
}

/// Everything the ailments know about one connection.
pub(super) struct ConnectionFaults {
    shared: Arc<GatewayState>,
    number: u64,
    session_faults: Vec<(PathFaultId, SessionFault)>,
    /// The youngest ailment that was looked at.
    newest: PathFaultId,
    pub(super) connect: Option<ReceivedConnect>,
    /// Whether a CONNACK let the client in.
    is_in_session: bool,
    /// When PINGRESPs that wait are due.
    late_pings: VecDeque<Instant>,
}

impl ConnectionFaults {
    pub(super) fn new(shared: Arc<GatewayState>, number: u64) -> Self {
        Self {
            shared,
            number,
            session_faults: Vec::new(),
            newest: PathFaultId(0),
            connect: None,
            is_in_session: false,
            late_pings: VecDeque::new(),
        }
    }

    /// Follows what was armed and disarmed since the last time.
    pub(super) fn update(&mut self, armed_faults: &[ArmedFault], now: Instant) {
        self.session_faults.retain(|(id, _)| armed_faults.iter().any(|armed| armed.id == *id));
        let newest = self.newest;
        for armed in armed_faults.iter().filter(|armed| armed.id > newest) {
            self.newest = armed.id;
            let rng = fault_rng(self.shared.seed, armed.id, self.number);
            let latency = SessionFault::for_path(&armed.fault, self.shared.scale, rng);
            self.session_faults.extend(latency.map(|latency| (armed.id, latency)));
            // Who is armed in the middle of a session finds one that has been there all the time.
            if self.is_in_session {
                self.start_fault(armed, false, now);
            }
        }
    }

    fn start_fault(&mut self, armed: &ArmedFault, is_returning: bool, now: Instant) {
        let Some(ReceivedConnect { fields: connect, .. }) = &self.connect else { return };
        let (scale, seed) = (self.shared.scale, self.shared.seed);
        let (fault_id, connection) = (armed.id, self.number);
        let start = SessionStart { scale, seed, fault_id, connection, now, connect, is_returning };
        self.session_faults
            .extend(SessionFault::for_session(&armed.fault, &start).map(|fault| (armed.id, fault)));
    }

    /// When something happens without a packet.
    pub(super) fn due(&self) -> Option<Instant> {
        self.session_faults.iter().filter_map(|(_, fault)| fault.due()).min()
    }

    /// When a late PINGRESP is due.
    pub(super) fn late_ping_due(&self) -> Option<Instant> {
        self.late_pings.front().copied()
    }

    /// The next thing that happens by now without a packet.
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

    /// Reads the CONNECT; with expired credentials it goes no further.
    fn read_connect(&mut self, packet: &RelayedPacket<'_>) -> Option<PacketDecision> {
        let fields = packet::parse_connect(packet.bytes, &packet.header)?;
        let packet_bytes = Bytes::copy_from_slice(&packet.bytes[..packet.header.length]);
        self.connect = Some(ReceivedConnect { fields, packet: packet_bytes });
        let credential_fault = self.shared.credential_fault()?;
        let effect = PacketEffect { swallow: true, ..PacketEffect::default() };
        Some(PacketDecision { effect, action: Some((credential_fault, FaultAction::RejectConnect)) })
    }

    fn begin_session(&mut self, now: Instant) {
        let Some(ReceivedConnect { fields: connect, .. }) = &self.connect else { return };
        let is_returning = self.shared.mark_client_seen(&connect.client_id);
        self.is_in_session = true;
        self.shared.metrics.sessions.add(1);
        let armed = Arc::clone(&self.shared.armed.borrow());
        // Those that are younger than what was looked at come with the next update.
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
                self.shared.log_injection(*id, Some(self.number), modification);
            }
        }
        let effect = &mut decision.effect;
        if effect.swallow {
            self.shared.metrics.swallowed.add(1);
        } else if let Some(reply_delay) = effect.reply_delay {
            // Takes this place later, when nothing else has to wait for it.
            effect.swallow = true;
            let last = self.late_pings.back().copied().unwrap_or(now);
            self.late_pings.push_back((now + reply_delay).max(last));
        }
        if effect.losses > 0 {
            self.shared.metrics.retransmitted.add(u64::from(effect.losses));
        }
        decision
    }
}
