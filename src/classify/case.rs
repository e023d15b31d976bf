//! What is weighed: the sessions, the drops in play, and what random loss alone would say of them?

use super::background::Background;
use super::drops::{Drop, drops};
use super::live::{EXCESS_SHIFT, Silences};
use super::log::Log;
use super::math::{ln_beta_binomial, ln_sum_exp, real};
use super::session::{Ending, Secs, Session};
use super::survivors::Table;

/// How late a busy computer may be, in seconds of its own clock; a scaled lab run multiplies it.
const LATENESS: f64 = 0.02;

/// Everything computed once for a log; the hypotheses read it.
pub(super) struct Frame<'a> {
    pub(super) log: &'a Log,
    /// All sessions, oldest first; the one alive last, cut off now.
    pub(super) sessions: Vec<&'a Session>,
    /// All drops, oldest first.
    pub(super) drops: Vec<Drop>,
    /// The drop of each session, by session.
    pub(super) drop_of: Vec<Option<usize>>,
    /// Silences in either direction that a session survived, in seconds.
    pub(super) survived: Table,
    /// Silences of ours that a session survived, in seconds.
    pub(super) survived_sent: Table,
    /// Pauses of the peer that a session survived, in seconds.
    pub(super) survived_peer: Table,
    /// Silences of ours that a session survived, in seconds beyond 1.5 keep-alives.
    pub(super) survived_out: OutTable,
    /// Connected seconds, censored sessions included: nothing can drop while down.
    pub(super) exposure: f64,
    /// Least width of a kernel, in seconds: what the stamps can resolve.
    pub(super) floor: f64,
    /// By how much two moments may be off because the computer was busy, in seconds.
    pub(super) lateness: f64,
}

/// Survived silences of ours, in seconds beyond 1.5 keep-alives.
pub(super) struct OutTable(Table);

impl OutTable {
    /// How many outlived 1.5 keep-alives, by a limit that acts with spread `sigma`.
    pub(super) fn outlived(&self, sigma: f64) -> f64 {
        self.0.outlived(EXCESS_SHIFT, sigma)
    }

    /// How many outlived 1.5 keep-alives by more than this, in seconds.
    pub(super) fn outlived_by(&self, secs: f64) -> f64 {
        self.0.count_above(EXCESS_SHIFT + secs)
    }
}

impl<'a> Frame<'a> {
    /// Prepares a log. `live` is the session alive, cut off now, `silences` those of all sessions that did not
    /// drop, the live one included.
    pub(super) fn new(log: &'a Log, live: Option<&'a Session>, silences: &Silences) -> Self {
        let drops = drops(log);
        let sessions: Vec<&Session> = log.sessions.iter().chain(live).collect();
        let mut drop_of = vec![None; sessions.len()];
        for (index, drop) in drops.iter().enumerate() {
            if let Some(place) = drop_of.get_mut(drop.session) {
                *place = Some(index);
            }
        }
        let scale = log.started.as_ref().and_then(|started| started.time_scale).unwrap_or(1.0).max(1.0);
        let mut more = MoreSilences::default();
        for drop in &drops {
            more.of_drop(log, drop);
        }
        Self {
            exposure: sessions.iter().map(|session| session.age()).sum(),
            floor: if log.whole_seconds { 0.35 } else { f64::max(0.03, LATENESS * scale / 10.0) },
            lateness: LATENESS * scale,
            survived: silences.any.table().with(more.any),
            survived_sent: silences.sent.table().with(more.sent),
            survived_peer: silences.peer.table(),
            survived_out: OutTable(silences.out.table().with(more.out)),
            log,
            sessions,
            drops,
            drop_of,
        }
    }

    /// The session of a drop.
    pub(super) fn session(&self, drop: &Drop) -> Option<&'a Session> {
        self.sessions.get(drop.session).copied()
    }

    /// How a drop ended.
    pub(super) fn ending(&self, drop: &Drop) -> Option<&'a Ending> {
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
struct MoreSilences {
    any: Vec<f64>,
    sent: Vec<f64>,
    out: Vec<f64>,
}

impl MoreSilences {
    fn of_drop(&mut self, log: &Log, drop: &Drop) {
        let Some(session) = log.sessions.get(drop.session) else { return };
        let Some(ending) = session.ending.as_deref() else { return };
        let settled = ending.acts.get(..ending.settled).unwrap_or_default();
        let mut any = settled.last().map_or(session.start, |act| act.at);
        let mut out = settled.iter().rev().find(|act| act.out).map_or(session.start, |act| act.at);
        let cut = drop.tx.map_or(f64::INFINITY, |tx| tx - 0.05);
        let heard = if drop.kind == super::session::Kind::Silent { drop.lo + 0.05 } else { cut };
        for act in ending.acts.iter().skip(ending.settled) {
            if act.at < cut {
                let length = act.at - any;
                if length > 15.0 {
                    self.any.push(length);
                }
                any = any.max(act.at);
            }
            if act.out && act.at <= heard {
                let length = act.at - out;
                if length > 15.0 {
                    self.sent.push(length);
                }
                if length > 1.2 * session.keep_alive {
                    self.out.push((length - 1.5 * session.keep_alive + EXCESS_SHIFT).max(1.0));
                }
                out = out.max(act.at);
            }
        }
    }
}

/// The drops in play: all of them, or those that a first cause left over.
pub(super) struct Case<'a> {
    pub(super) frame: &'a Frame<'a>,
    /// Indices into the drops of the frame.
    pub(super) mine: Vec<usize>,
    in_play: Vec<bool>,
    background: Background,
    /// Log marginal likelihood of random loss: what every hypothesis must beat.
    pub(super) null: f64,
}

impl<'a> Case<'a> {
    /// The case of some drops; the sessions of all others count as cut off at their end.
    pub(super) fn new(frame: &'a Frame<'a>, mine: Vec<usize>) -> Self {
        let mut in_play = vec![false; frame.drops.len()];
        for index in &mine {
            if let Some(place) = in_play.get_mut(*index) {
                *place = true;
            }
        }
        let mut case = Self { frame, mine, in_play, background: Background::default(), null: 0.0 };
        case.background = case.background();
        case.null = case.null_likelihood();
        case
    }

    /// The drops in play with their indices.
    pub(super) fn drops(&self) -> impl Iterator<Item = (usize, &'a Drop)> + '_ {
        self.mine.iter().filter_map(|index| Some((*index, self.frame.drops.get(*index)?)))
    }

    /// How many drops are in play.
    pub(super) fn count(&self) -> usize {
        self.mine.len()
    }

    /// How many drops are in play, as a real number.
    pub(super) fn n(&self) -> f64 {
        real(self.mine.len())
    }

    /// Whether a drop is in play.
    pub(super) fn plays(&self, drop: usize) -> bool {
        self.in_play.get(drop).copied().unwrap_or(false)
    }

    /// The drop of a session, if it is in play.
    pub(super) fn drop_of(&self, session: usize) -> Option<usize> {
        self.frame.drop_of.get(session).copied().flatten().filter(|drop| self.plays(*drop))
    }

    /// Sessions that did not drop, or not by a drop in play.
    pub(super) fn survivors(&self) -> impl Iterator<Item = &'a Session> + '_ {
        let sessions = self.frame.sessions.iter().enumerate();
        sessions.filter(|(index, _)| self.drop_of(*index).is_none()).map(|(_, session)| *session)
    }

    /// Log likelihood of the drops that a mechanism with `hits` leaves to the background.
    pub(super) fn rest(&self, hits: usize) -> f64 {
        self.background.rest(real(hits))
    }

    fn background(&self) -> Background {
        let widths: Vec<f64> = self.drops().map(|(_, drop)| drop.hi - drop.lo).collect();
        // A session that ended in the middle of nowhere has no time before its window.
        let lived: f64 = self.drops().map(|(_, drop)| (drop.lo - drop.start).max(0.0)).sum();
        Background::new(&widths, lived + self.survivors().map(Session::age).sum::<f64>())
    }

    /// Memoryless loss; or memoryless incidents of which some kill the next session again before it proved
    /// to be alive. Everything has to beat this, else two pings lost in one bad minute make "bursts".
    fn null_likelihood(&self) -> f64 {
        let plain = self.background.rest(0.0);
        if self.drops().all(|(_, drop)| !drop.continuation) {
            return plain;
        }
        ln_sum_exp(&[plain, self.in_spells(1.0, 3.0)]) - std::f64::consts::LN_2
    }

    /// Memoryless incidents; the share of drops that belong to the spell of the one before is Beta(a, b).
    pub(super) fn in_spells(&self, a: f64, b: f64) -> f64 {
        let spells: Vec<&Drop> =
            self.drops().map(|(_, drop)| drop).filter(|drop| drop.continuation).collect();
        let again = real(spells.len());
        let moments: f64 = spells.iter().map(|drop| (3.0 * drop.keep_alive).clamp(1.0, 300.0).ln()).sum();
        self.background.rest(again) + ln_beta_binomial(again, self.n(), a, b) - moments
    }
}
