//! Actions of faults applied to the relay.

use super::{Relay, RelayEnd, RelayState};
use crate::diagnostics::MqttVersion;
use crate::lab::gateway::fault_action::FaultAction;
use crate::lab::gateway::path_fault::{DropManner, IdleManner, PathFaultId};
use crate::lab::gateway::session_fault::PacketDirection;
use crate::lab::gateway::takeover_client::TakeoverClient;
use crate::lab::packet::{put_connack, put_disconnect};
use crate::lab::transport::CloseMode;

impl Relay {
    /// Applies an action. In a black hole nothing more is applied: neither side would notice.
    pub(super) fn apply(&mut self, fault_id: PathFaultId, action: FaultAction) -> Option<RelayEnd> {
        if self.phase != RelayState::Open {
            return None;
        }
        if action == FaultAction::TakeOver {
            self.spawn_takeover(fault_id);
            return None;
        }
        self.state.log_injection(fault_id, Some(self.number), action.description());
        let mode = match action {
            FaultAction::DropConnection(DropManner::SilentBlackHole)
            | FaultAction::ExpireNat(IdleManner::SilentBlackHole) => {
                return self.enter_black_hole(None);
            }
            FaultAction::ExpireNat(IdleManner::ResetOnNextPacket) => {
                return self.enter_black_hole(Some(fault_id));
            }
            FaultAction::HalfOpen => {
                self.server = None;
                return self.enter_black_hole(None);
            }
            FaultAction::DropConnection(DropManner::Reset) => return Some(RelayEnd::Close(CloseMode::Reset)),
            FaultAction::DropConnection(DropManner::Fin | DropManner::WsClose(1006)) => CloseMode::BareFin,
            FaultAction::DropConnection(DropManner::TlsCloseNotify) => CloseMode::Fin,
            FaultAction::TlsAlert => CloseMode::TlsAlert,
            FaultAction::DropConnection(DropManner::WsClose(code)) => {
                CloseMode::WebSocketClose { code, reason: String::new() }
            }
            FaultAction::DropConnection(DropManner::Disconnect(reason)) => {
                self.flush_delayed();
                let may_insert = self.forwarders[PacketDirection::ToClient as usize].is_between_packets();
                if may_insert && self.version() == Some(MqttVersion::V5) {
                    put_disconnect(reason, None, false, &mut self.client.write_buffer);
                }
                CloseMode::Graceful
            }
            FaultAction::RejectConnect => {
                let version = self.version().unwrap_or(MqttVersion::V311);
                let code = if version == MqttVersion::V5 { 0x87 } else { 5 };
                put_connack(version, false, code, &[], &mut self.client.write_buffer);
                CloseMode::Graceful
            }
            FaultAction::TakeOver => return None,
        };
        self.flush_delayed();
        Some(RelayEnd::Close(mode))
    }

    /// Delivers the data in transit to the client at once.
    fn flush_delayed(&mut self) {
        self.forwarders[PacketDirection::ToClient as usize].delay_line.drain(&mut self.client.write_buffer);
    }

    fn version(&self) -> Option<MqttVersion> {
        self.faults.connect.as_ref().map(|connect| connect.fields.version)
    }

    fn enter_black_hole(&mut self, reset_by: Option<PathFaultId>) -> Option<RelayEnd> {
        self.phase = RelayState::BlackHole(reset_by);
        self.client.write_buffer.clear();
        if let Some(server) = &mut self.server {
            server.write_buffer.clear();
        }
        None
    }

    fn spawn_takeover(&self, fault_id: PathFaultId) {
        let armed_faults = self.state.armed();
        let armed_fault = armed_faults.iter().find(|armed| armed.id == fault_id);
        if let (Some(connect), Some(armed_fault)) = (&self.faults.connect, armed_fault) {
            self.state.log_injection(fault_id, Some(self.number), FaultAction::TakeOver.description());
            let takeover_client = TakeoverClient {
                connect: connect.packet.clone(),
                keep_alive_secs: connect.fields.keep_alive_secs,
                disarmed: armed_fault.disarmed.clone(),
            };
            takeover_client.spawn(&self.state, self.task.clone());
        }
    }
}
