//! What is remembered of the session that is alive?

use std::collections::VecDeque;

use super::session::{Act, Burst, Ending, Kind, Secs, Session};
use super::survivors::Survivors;
use crate::diagnostics::event::Dropped;

/// Activities remembered; enough to hold what passed between a death and its detection.
const ACTS: usize = 24;
/// Own publishes remembered.
const PUBLISHES: usize = 16;
/// Bursts remembered.
const BURSTS: usize = 4;
/// Own messages closer than this belong to one burst, in seconds; where stamps are whole seconds, the next one
/// as well.
pub(super) const BURST_GAP: f64 = 0.5;
pub(super) const BURST_GAP_OF_WHOLE_SECONDS: f64 = 1.5;
/// Smaller bursts are everyday traffic.
const BURST_SIZE: u64 = 5;
/// How long before a drop a publish or burst may have caused it, in seconds.
const SUSPECT: f64 = 7.0;
/// Silences shorter than this tell nothing about a limit, in seconds.
const SHORT: f64 = 15.0;

/// What [`Survivors`] of outgoing silences hold: seconds beyond 1.5 keep-alives, shifted to be positive.
pub(super) const EXCESS_SHIFT: f64 = 20.0;

/// Survived silences of all sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Silences {
    /// Without activity in either direction, in seconds.
    pub(super) any: Survivors,
    /// Without a packet of ours, in seconds.
    pub(super) sent: Survivors,
    /// Without a packet of ours: seconds beyond 1.5 keep-alives, plus [`EXCESS_SHIFT`].
    pub(super) out: Survivors,
    /// Pauses of the peer, answers to pings left aside, that the session survived, in seconds.
    pub(super) peer: Survivors,
}

impl Silences {
    fn add_any(&mut self, length: f64) {
        if length > SHORT {
            self.any.add(length);
        }
    }

    fn add_out(&mut self, length: f64, keep_alive: f64) {
        if length > SHORT {
            self.sent.add(length);
        }
        if length > 1.2 * keep_alive {
            self.out.add((length - 1.5 * keep_alive + EXCESS_SHIFT).max(1.0));
        }
    }
}

/// The session that is alive, with its newest activity.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) session: Session,
    acts: VecDeque<Act>,
    /// The newest activity that left `acts`, and the newest of ours.
    gone: Secs,
    gone_out: Secs,
    /// When the peer last spoke unasked.
    spoke: Secs,
    /// The first packet of ours after the newest of the peer's, and the activity before it.
    unanswered: Option<(Secs, Secs)>,
    last_ping: Option<Secs>,
    publishes: VecDeque<(u32, Secs)>,
    burst: Option<Burst>,
    bursts: VecDeque<Burst>,
}

impl Live {
    /// A session that begins now.
    pub(super) fn new(session: Session) -> Self {
        Self {
            gone: session.start,
            gone_out: session.start,
            spoke: session.start,
            session,
            acts: VecDeque::with_capacity(ACTS + 1),
            unanswered: None,
            last_ping: None,
            publishes: VecDeque::new(),
            burst: None,
            bursts: VecDeque::new(),
        }
    }

    /// Takes note of a packet; silences that are over for good go to `silences`.
    pub(super) fn act(&mut self, act: Act, silences: &mut Silences) {
        let before = self.acts.back().map_or(self.gone, |newest| newest.at);
        if !act.out {
            self.unanswered = None;
        } else if self.unanswered.is_none() {
            self.unanswered = Some((act.at, before));
        }
        if !act.out && !act.ping {
            // Whoever is heard again has survived the pause, whatever came after.
            if act.at - self.spoke > SHORT {
                silences.peer.add(act.at - self.spoke);
            }
            self.spoke = act.at;
        }
        if act.out && act.ping {
            self.last_ping = Some(act.at);
        }
        // A ping is written down at its answer, so its departure may belong before newer activity.
        let place = self.acts.iter().rposition(|earlier| earlier.at <= act.at).map_or(0, |index| index + 1);
        self.acts.insert(place, act);
        if self.acts.len() > ACTS
            && let Some(oldest) = self.acts.pop_front()
        {
            silences.add_any(oldest.at - self.gone);
            self.gone = self.gone.max(oldest.at);
            if oldest.out {
                silences.add_out(oldest.at - self.gone_out, self.session.keep_alive);
                self.gone_out = self.gone_out.max(oldest.at);
            }
        }
    }

    /// Takes note of own messages; bursts that are over go to `finished`.
    pub(super) fn publish(&mut self, topic: u32, at: Secs, gap: f64, finished: &mut dyn FnMut(u64)) {
        if self.publishes.len() == PUBLISHES {
            self.publishes.pop_front();
        }
        self.publishes.push_back((topic, at));
        match &mut self.burst {
            Some(burst) if at - burst.end < gap => {
                burst.size += 1;
                burst.end = at;
            }
            _ => {
                self.finish_burst(finished);
                self.burst = Some(Burst { end: at, size: 1, window: 0.0 });
            }
        }
    }

    /// Takes note of messages that were counted together.
    pub(super) fn publish_many(&mut self, at: Secs, size: u64, window: f64, finished: &mut dyn FnMut(u64)) {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more")]
        let rate = size as f64 / window.max(0.05);
        if size >= BURST_SIZE && rate >= 2.0 {
            finished(size);
            self.remember(Burst { end: at, size, window });
        }
    }

    fn finish_burst(&mut self, finished: &mut dyn FnMut(u64)) {
        if let Some(burst) = self.burst.take()
            && burst.size >= BURST_SIZE
        {
            finished(burst.size);
            self.remember(burst);
        }
    }

    fn remember(&mut self, burst: Burst) {
        if self.bursts.len() == BURSTS {
            self.bursts.pop_front();
        }
        self.bursts.push_back(burst);
    }

    /// The session as it would be if it were cut off now, its silences counted into `silences`.
    pub(super) fn censored(&self, at: Secs, wall: f64, silences: &mut Silences) -> Session {
        let mut session = self.session.clone();
        session.end = at.max(session.start);
        session.end_wall = wall;
        let (mut any, mut out) = (self.gone, self.gone_out);
        for act in &self.acts {
            silences.add_any(act.at - any);
            any = any.max(act.at);
            if act.out {
                silences.add_out(act.at - out, session.keep_alive);
                out = out.max(act.at);
            }
        }
        session
    }

    /// Counts the silences before the newest packet of the peer, which were survived whatever came after; gives how
    /// many of the remembered activities that settles.
    fn settle(&self, silences: &mut Silences) -> usize {
        let heard = self.acts.iter().rposition(|act| !act.out).map_or(0, |index| index + 1);
        let (mut any, mut out) = (self.gone, self.gone_out);
        for act in self.acts.iter().take(heard) {
            silences.add_any(act.at - any);
            any = any.max(act.at);
            if act.out {
                silences.add_out(act.at - out, self.session.keep_alive);
                out = out.max(act.at);
            }
        }
        heard
    }

    /// The session, ended by a drop.
    pub(super) fn dropped(
        mut self,
        at: Secs,
        wall: f64,
        drop: &Dropped,
        silences: &mut Silences,
        finished: &mut dyn FnMut(u64),
    ) -> Session {
        self.finish_burst(finished);
        let end = at.max(self.session.start);
        let recent = |time: &Secs| end - *time <= SUSPECT;
        // The activity before the remembered ones still counts as the beginning of a silence.
        let mut acts = Vec::with_capacity(self.acts.len() + 1);
        if self.gone > self.session.start {
            acts.push(Act { at: self.gone, out: self.gone_out >= self.gone, ping: false, unasked: false });
        }
        let settled = acts.len() + self.settle(silences);
        acts.extend(self.acts.iter().copied());
        let error = drop.error_name.as_deref().or(drop.error_message.as_deref()).unwrap_or_default();
        let reason_code = drop.reason_code.or_else(|| told_reason(drop.error_message.as_deref()?));
        let kind = match Kind::of(drop.how, error) {
            // The broker told why: that is no silence, whatever the name of the error.
            _ if drop.how.is_none() && reason_code.is_some() => Kind::Clean,
            kind => kind,
        };
        let sane = |secs: Option<f64>| secs.filter(|secs| secs.is_finite() && *secs >= 0.0);
        self.session.end = end;
        self.session.end_wall = wall;
        self.session.ending = Some(Box::new(Ending {
            kind,
            how: drop.how,
            layer: drop.layer,
            reason_code,
            ws_close_code: drop.ws_close_code,
            last_rx: sane(drop.last_rx_secs),
            last_tx: sane(drop.last_tx_secs),
            acts,
            settled,
            unanswered: self.unanswered,
            last_ping: self.last_ping,
            publishes: self.publishes.into_iter().filter(|(_, time)| recent(time)).collect(),
            bursts: self.bursts.into_iter().filter(|burst| recent(&burst.end)).collect(),
            back_after: None,
            failed_connects: 0,
        }));
        self.session
    }
}

/// The MQTT 5 reason that a message tells of in words or by its code, where the code has no field of its own.
fn told_reason(message: &str) -> Option<u8> {
    const TOLD: [(u8, &str, &str); 3] = [
        (0x8E, "0x8e", "session taken over"),
        (0x8D, "0x8d", "keep alive timeout"),
        (0x87, "0x87", "not authorized"),
    ];
    let message = message.to_ascii_lowercase();
    let is_said = |code: &str, words: &str| {
        message.contains(words) || (message.contains("disconnect") && message.contains(code))
    };
    TOLD.iter().find(|(_, code, words)| is_said(code, words)).map(|(reason, ..)| *reason)
}
