//! How does an ailment act on a live connection?

use std::sync::Arc;

use super::{Over, Path, Relay};
use crate::lab::Version;
use crate::lab::codec::{put_connack, put_disconnect};
use crate::lab::gateway::ailment::{AilmentId, IdleManner, Manner};
use crate::lab::gateway::blow::Blow;
use crate::lab::gateway::intruder::Intruder;
use crate::lab::gateway::symptom::Way;
use crate::lab::server_stream::Ending;

impl Relay {
    /// Lets an ailment act. What happens behind a black hole is not seen by anybody.
    pub(super) fn strike(&mut self, ailment: AilmentId, blow: Blow) -> Option<Over> {
        if self.path != Path::Open {
            return None;
        }
        if blow == Blow::Intrude {
            self.intrude(ailment);
            return None;
        }
        self.shared.log(ailment, Some(self.number), blow.words());
        let ending = match blow {
            Blow::End(Manner::SilentBlackHole) | Blow::Forgotten(IdleManner::SilentBlackHole) => {
                return self.go_dark(None);
            }
            Blow::Forgotten(IdleManner::ResetOnNextPacket) => return self.go_dark(Some(ailment)),
            Blow::HalfOpen => {
                self.server = None;
                return self.go_dark(None);
            }
            Blow::End(Manner::Reset) => return Some(Over::End(Ending::Reset)),
            Blow::End(Manner::Fin | Manner::WsClose(1006)) => Ending::BareFin,
            Blow::End(Manner::TlsCloseNotify) => Ending::Fin,
            Blow::TlsAlert => Ending::TlsAlert,
            Blow::End(Manner::WsClose(code)) => Ending::WebSocketClose { code, reason: String::new() },
            Blow::End(Manner::Disconnect(reason)) => {
                self.deliver();
                let may_insert = self.lanes[Way::ToClient as usize].is_between_packets();
                if may_insert && self.version() == Some(Version::V5) {
                    put_disconnect(reason, None, false, &mut self.client.out);
                }
                Ending::Goodbye
            }
            Blow::Refuse => {
                let version = self.version().unwrap_or(Version::V311);
                let code = if version == Version::V5 { 0x87 } else { 5 };
                put_connack(version, false, code, &[], &mut self.client.out);
                Ending::Goodbye
            }
            Blow::Intrude => return None,
        };
        self.deliver();
        Some(Over::End(ending))
    }

    /// Lets what is under way to the client arrive at once.
    fn deliver(&mut self) {
        self.lanes[Way::ToClient as usize].line.drain(&mut self.client.out);
    }

    fn version(&self) -> Option<Version> {
        self.chart.introduction.as_ref().map(|introduction| introduction.asked.version)
    }

    fn go_dark(&mut self, resets: Option<AilmentId>) -> Option<Over> {
        self.path = Path::Dark(resets);
        self.client.out.clear();
        if let Some(server) = &mut self.server {
            server.out.clear();
        }
        None
    }

    fn intrude(&self, ailment: AilmentId) {
        let armed = Arc::clone(&self.shared.armed.borrow());
        let armed = armed.iter().find(|armed| armed.id == ailment);
        if let (Some(introduction), Some(armed)) = (&self.chart.introduction, armed) {
            self.shared.log(ailment, Some(self.number), Blow::Intrude.words());
            let intruder = Intruder {
                connect: introduction.packet.clone(),
                keep_alive_secs: introduction.asked.keep_alive_secs,
                disarmed: armed.disarmed.clone(),
            };
            intruder.spawn(&self.shared, self.task.clone());
        }
    }
}
