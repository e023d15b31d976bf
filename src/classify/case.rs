//! The data of one classification: the sessions, the drops considered, and their likelihood under random loss.

use super::background::Background;
use super::drops::{DeathWindow, drops};
use super::live::{EXCESS_SHIFT, Silences};
use super::log::Log;
use super::math::{ln_beta_binomial, ln_sum_exp, real};
use super::session::{Secs, Session, SessionEnding};
use super::survivors::SurvivalTable;

/// Scheduling delay of a busy computer, in seconds of its own clock; a scaled lab run multiplies it.
const LATENESS: f64 = 0.02;

/// Everything computed once for a log; the hypotheses read it.
pub(super) struct Frame<'a> {
    pub(super) log: &'a Log,
    /// All sessions, oldest first; the live one last, censored at the current time.
    pub(super) sessions: Vec<&'a Session>,
    /// All drops, oldest first.
    pub(super) drops: Vec<DeathWindow>,
    /// The drop of each session, by session.
    pub(super) drop_by_session: Vec<Option<usize>>,
    /// Silences in either direction that a session survived, in seconds.
    pub(super) survived: SurvivalTable,
    /// Silences of the client that a session survived, in seconds.
    pub(super) survived_outgoing: SurvivalTable,
    /// Pauses of the peer that a session survived, in seconds.
    pub(super) survived_peer: SurvivalTable,
    /// Silences of the client that a session survived, in seconds beyond 1.5 keep-alives.
    pub(super) survived_excess: ExcessTable,
    /// Connected seconds, censored sessions included: nothing can drop while down.
    pub(super) exposure: f64,
    /// Least width of a kernel, in seconds: the resolution of the stamps.
    pub(super) floor: f64,
    /// Error of a time difference on a busy computer, in seconds.
    pub(super) lateness: f64,
}

/// Survived silences of the client, in seconds beyond 1.5 keep-alives.
pub(super) struct ExcessTable(SurvivalTable);

impl ExcessTable {
    /// How many outlived a limit of 1.5 keep-alives with spread `sigma`.
    pub(super) fn outlived(&self, sigma: f64) -> f64 {
        self.0.outlived(EXCESS_SHIFT, sigma)
    }

    /// How many outlived 1.5 keep-alives by more than this, in seconds.
    pub(super) fn outlived_by(&self, secs: f64) -> f64 {
        self.0.count_above(EXCESS_SHIFT + secs)
    }
}

impl<'a> Frame<'a> {
    /// Prepares a log. `live` is the live session, censored at the current time; `silences` are those of all sessions
    /// that did not drop, the live one included.
    pub(super) fn new(log: &'a Log, live: Option<&'a Session>, silences: &Silences) -> Self {
        let drops = drops(log);
        let sessions: Vec<&Session> = log.sessions.iter().chain(live).collect();
        let mut drop_by_session = vec![None; sessions.len()];
        for (index, drop) in drops.iter().enumerate() {
            if let Some(slot) = drop_by_session.get_mut(drop.session) {
                *slot = Some(index);
            }
        }
        let scale = log.started.as_ref().and_then(|started| started.time_scale).unwrap_or(1.0).max(1.0);
        let mut drop_silences = DropSilences::default();
        for drop in &drops {
            drop_silences.add_drop(log, drop);
        }
        Self {
            exposure: sessions.iter().map(|session| session.age()).sum(),
            floor: if log.whole_seconds { 0.35 } else { f64::max(0.03, LATENESS * scale / 10.0) },
            lateness: LATENESS * scale,
            survived: silences.either.table().with_values(drop_silences.any),
            survived_outgoing: silences.outgoing.table().with_values(drop_silences.outgoing),
            survived_peer: silences.peer.table(),
            survived_excess: ExcessTable(
                silences.outgoing_excess.table().with_values(drop_silences.outgoing_excess),
            ),
            log,
            sessions,
            drops,
            drop_by_session,
        }
    }

    /// The session of a drop.
    pub(super) fn session(&self, drop: &DeathWindow) -> Option<&'a Session> {
        self.sessions.get(drop.session).copied()
    }

    /// How a drop ended.
    pub(super) fn session_ending(&self, drop: &DeathWindow) -> Option<&'a SessionEnding> {
        self.session(drop)?.ending.as_deref()
    }

    /// Whether a probe failed from the last proof of life to ten seconds after the detection.
    pub(super) fn probe_failed(&self, from: Secs, to: Secs) -> bool {
        let probes = &self.log.failed_probes;
        let index = probes.partition_point(|(at, _)| *at < from);
        probes.get(index).is_some_and(|(at, _)| *at < to)
    }
}

/// Silences inside sessions that dropped, up to the packet that the death left unanswered.
#[derive(Default)]
struct DropSilences {
    any: Vec<f64>,
    outgoing: Vec<f64>,
    outgoing_excess: Vec<f64>,
}

impl DropSilences {
    fn add_drop(&mut self, log: &Log, drop: &DeathWindow) {
        let Some(session) = log.sessions.get(drop.session) else { return };
        let Some(ending) = session.ending.as_deref() else { return };
        let survived = ending.packets.get(..ending.survived_packets).unwrap_or_default();
        let mut last_packet = survived.last().map_or(session.start, |packet| packet.at);
        let mut last_outgoing =
            survived.iter().rev().find(|packet| packet.is_outgoing).map_or(session.start, |packet| packet.at);
        let unanswered_at = drop.tx.map_or(f64::INFINITY, |tx| tx - 0.05);
        let survived_until =
            if drop.kind == super::session::EndKind::Silent { drop.lo + 0.05 } else { unanswered_at };
        for packet in ending.packets.iter().skip(ending.survived_packets) {
            if packet.at < unanswered_at {
                let length = packet.at - last_packet;
                if length > 15.0 {
                    self.any.push(length);
                }
                last_packet = last_packet.max(packet.at);
            }
            if packet.is_outgoing && packet.at <= survived_until {
                let length = packet.at - last_outgoing;
                if length > 15.0 {
                    self.outgoing.push(length);
                }
                if length > 1.2 * session.keep_alive {
                    self.outgoing_excess.push((length - 1.5 * session.keep_alive + EXCESS_SHIFT).max(1.0));
                }
                last_outgoing = last_outgoing.max(packet.at);
            }
        }
    }
}

/// The drops considered: all of them, or those that a first cause does not explain.
pub(super) struct Case<'a> {
    pub(super) frame: &'a Frame<'a>,
    /// Indices into the drops of the frame.
    pub(super) drop_indices: Vec<usize>,
    is_included: Vec<bool>,
    background: Background,
    /// Log marginal likelihood of random loss, the baseline of every hypothesis.
    pub(super) null: f64,
}

impl<'a> Case<'a> {
    /// The case of some drops; the sessions of all others count as censored at their end.
    pub(super) fn new(frame: &'a Frame<'a>, drop_indices: Vec<usize>) -> Self {
        let mut is_included = vec![false; frame.drops.len()];
        for index in &drop_indices {
            if let Some(slot) = is_included.get_mut(*index) {
                *slot = true;
            }
        }
        let mut case =
            Self { frame, drop_indices, is_included, background: Background::default(), null: 0.0 };
        case.background = case.background();
        case.null = case.null_likelihood();
        case
    }

    /// The drops considered, with their indices.
    pub(super) fn drops(&self) -> impl Iterator<Item = (usize, &'a DeathWindow)> + '_ {
        self.drop_indices.iter().filter_map(|index| Some((*index, self.frame.drops.get(*index)?)))
    }

    /// The number of drops considered.
    pub(super) fn count(&self) -> usize {
        self.drop_indices.len()
    }

    /// The number of drops considered, as a real number.
    pub(super) fn count_f64(&self) -> f64 {
        real(self.drop_indices.len())
    }

    /// Whether a drop is considered.
    pub(super) fn contains(&self, drop: usize) -> bool {
        self.is_included.get(drop).copied().unwrap_or(false)
    }

    /// The drop of a session, if it is considered.
    pub(super) fn drop_of_session(&self, session: usize) -> Option<usize> {
        self.frame.drop_by_session.get(session).copied().flatten().filter(|drop| self.contains(*drop))
    }

    /// Sessions that did not drop, or whose drop is not considered.
    pub(super) fn survivors(&self) -> impl Iterator<Item = &'a Session> + '_ {
        let sessions = self.frame.sessions.iter().enumerate();
        sessions.filter(|(index, _)| self.drop_of_session(*index).is_none()).map(|(_, session)| *session)
    }

    /// Log likelihood of the drops that a mechanism with `hits` leaves to the background.
    pub(super) fn ln_background(&self, hits: usize) -> f64 {
        self.background.ln_likelihood_excluding(real(hits))
    }

    fn background(&self) -> Background {
        let widths: Vec<f64> = self.drops().map(|(_, drop)| drop.hi - drop.lo).collect();
        // The window may begin before the session: then there is no time before it.
        let alive_secs: f64 = self.drops().map(|(_, drop)| (drop.lo - drop.start).max(0.0)).sum();
        Background::new(&widths, alive_secs + self.survivors().map(Session::age).sum::<f64>())
    }

    /// Memoryless loss, or memoryless incidents of which some end the next session as well before a packet proved it
    /// alive. Without the second form, two pings lost in one bad minute would count as "bursts".
    fn null_likelihood(&self) -> f64 {
        let without_bursts = self.background.ln_likelihood_excluding(0.0);
        if self.drops().all(|(_, drop)| !drop.is_continuation) {
            return without_bursts;
        }
        ln_sum_exp(&[without_bursts, self.ln_burst_likelihood(1.0, 3.0)]) - std::f64::consts::LN_2
    }

    /// Memoryless incidents; the share of drops that continue the burst of the drop before is Beta(a, b).
    pub(super) fn ln_burst_likelihood(&self, a: f64, b: f64) -> f64 {
        let continued: Vec<&DeathWindow> =
            self.drops().map(|(_, drop)| drop).filter(|drop| drop.is_continuation).collect();
        let continuations = real(continued.len());
        let moments: f64 = continued.iter().map(|drop| (3.0 * drop.keep_alive).clamp(1.0, 300.0).ln()).sum();
        self.background.ln_likelihood_excluding(continuations)
            + ln_beta_binomial(continuations, self.count_f64(), a, b)
            - moments
    }
}
