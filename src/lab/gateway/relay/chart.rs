//! Which ailments does a connection have, and what do they make of its packets together?

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::lane::Verdict;
use crate::lab::gateway::ailment::AilmentId;
use crate::lab::gateway::blow::Blow;
use crate::lab::gateway::field_time::random;
use crate::lab::gateway::gate::{Armed, Shared};
use crate::lab::gateway::packet::{self, Asked, Kind};
use crate::lab::gateway::symptom::{Effect, Onset, Packet, Symptom, Way};

/// What a connection said about itself in its CONNECT.
pub(super) struct Introduction {
    pub(super) asked: Asked,
    /// The CONNECT as it came.
    pub(super) packet: Bytes,
}

/// Everything the ailments know about one connection.
pub(super) struct Chart {
    shared: Arc<Shared>,
    number: u64,
    symptoms: Vec<(AilmentId, Symptom)>,
    /// The youngest ailment that was looked at.
    youngest: AilmentId,
    pub(super) introduction: Option<Introduction>,
    /// Whether a CONNACK let the client in.
    is_in_session: bool,
    /// When PINGRESPs that wait are due.
    late_pings: VecDeque<Instant>,
}

impl Chart {
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> Self {
        Self {
            shared,
            number,
            symptoms: Vec::new(),
            youngest: AilmentId(0),
            introduction: None,
            is_in_session: false,
            late_pings: VecDeque::new(),
        }
    }

    /// Follows what was armed and disarmed since the last time.
    pub(super) fn update(&mut self, armed: &[Armed], now: Instant) {
        self.symptoms.retain(|(id, _)| armed.iter().any(|armed| armed.id == *id));
        let youngest = self.youngest;
        for armed in armed.iter().filter(|armed| armed.id > youngest) {
            self.youngest = armed.id;
            let random = random(self.shared.seed, armed.id, self.number);
            let path = Symptom::of_path(&armed.ailment, self.shared.scale, random);
            self.symptoms.extend(path.map(|path| (armed.id, path)));
            // Who is armed in the middle of a session finds one that has been there all the time.
            if self.is_in_session {
                self.begin(armed, false, now);
            }
        }
    }

    fn begin(&mut self, armed: &Armed, is_return: bool, now: Instant) {
        let Some(Introduction { asked, .. }) = &self.introduction else { return };
        let (scale, seed) = (self.shared.scale, self.shared.seed);
        let (ailment, connection) = (armed.id, self.number);
        let onset = Onset { scale, seed, ailment, connection, now, asked, is_return };
        self.symptoms.extend(Symptom::of(&armed.ailment, &onset).map(|symptom| (armed.id, symptom)));
    }

    /// When something happens without a packet.
    pub(super) fn due(&self) -> Option<Instant> {
        self.symptoms.iter().filter_map(|(_, symptom)| symptom.due()).min()
    }

    /// When a late PINGRESP is due.
    pub(super) fn late_ping_due(&self) -> Option<Instant> {
        self.late_pings.front().copied()
    }

    /// The next thing that happens by now without a packet.
    pub(super) fn strike(&mut self, now: Instant) -> Option<(AilmentId, Blow)> {
        self.symptoms.iter_mut().find_map(|(id, symptom)| symptom.strike(now).map(|blow| (*id, blow)))
    }

    /// How many late PINGRESPs are due by now.
    pub(super) fn take_late_pings(&mut self, now: Instant) -> usize {
        let due = self.late_pings.iter().take_while(|due| **due <= now).count();
        self.late_pings.drain(..due);
        due
    }

    /// Decides about a packet.
    pub(super) fn judge(&mut self, packet: &mut Packet<'_>, now: Instant) -> Verdict {
        match (packet.way, packet.label.kind) {
            (Way::ToServer, Kind::Connect) if self.introduction.is_none() => {
                if let Some(refused) = self.meet_client(packet) {
                    return refused;
                }
            }
            (Way::ToClient, Kind::ConnAck)
                if !self.is_in_session && packet::is_welcome(packet.bytes, &packet.label) =>
            {
                self.begin_session(now);
            }
            _ => {}
        }
        self.consult(packet, now)
    }

    /// Reads the CONNECT; with expired credentials it goes no further.
    fn meet_client(&mut self, packet: &Packet<'_>) -> Option<Verdict> {
        let asked = packet::asked(packet.bytes, &packet.label)?;
        let whole = Bytes::copy_from_slice(&packet.bytes[..packet.label.length]);
        self.introduction = Some(Introduction { asked, packet: whole });
        let expired = self.shared.expired()?;
        let effect = Effect { swallow: true, ..Effect::default() };
        Some(Verdict { effect, blow: Some((expired, Blow::Refuse)) })
    }

    fn begin_session(&mut self, now: Instant) {
        let Some(Introduction { asked, .. }) = &self.introduction else { return };
        let is_return = self.shared.is_return(&asked.client_id);
        self.is_in_session = true;
        self.shared.ledger.sessions.add(1);
        let armed = Arc::clone(&self.shared.armed.borrow());
        // Those that are younger than what was looked at come with the next update.
        let youngest = self.youngest;
        for armed in armed.iter().filter(|armed| armed.id <= youngest) {
            self.begin(armed, is_return, now);
        }
    }

    fn consult(&mut self, packet: &mut Packet<'_>, now: Instant) -> Verdict {
        let mut verdict = Verdict::default();
        for (id, symptom) in &mut self.symptoms {
            let effect = symptom.meet(packet, now);
            verdict.effect.swallow |= effect.swallow;
            verdict.effect.delay += effect.delay;
            verdict.effect.losses += effect.losses;
            if let Some(late) = effect.late {
                let earliest = verdict.effect.late.unwrap_or(Duration::ZERO);
                verdict.effect.late = Some(earliest + late);
            }
            if verdict.blow.is_none() {
                verdict.blow = effect.blow.map(|blow| (*id, blow));
            }
            if let Some(changed) = effect.changed {
                self.shared.log(*id, Some(self.number), changed);
            }
        }
        let effect = &mut verdict.effect;
        if effect.swallow {
            self.shared.ledger.swallowed.add(1);
        } else if let Some(late) = effect.late {
            // Takes this place later, when nothing else has to wait for it.
            effect.swallow = true;
            let last = self.late_pings.back().copied().unwrap_or(now);
            self.late_pings.push_back((now + late).max(last));
        }
        if effect.losses > 0 {
            self.shared.ledger.retransmitted.add(u64::from(effect.losses));
        }
        verdict
    }
}
