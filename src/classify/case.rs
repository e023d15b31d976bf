//! The data of one classification: the sessions, the drops considered, and their likelihood under random loss.

use std::ops::Range;

use super::background::Background;
use super::drops::{DeathWindow, drops};
use super::log::Log;
use super::math::{ln_beta_binomial, ln_sum_exp, real};
use super::session::{Secs, Session, SessionEnding};
use super::silences::{EXCESS_SHIFT, SilenceKind};
use super::survivors::SurvivalTable;

/// Scheduling delay of a busy computer, in seconds of its own clock; a scaled lab run multiplies it.
const LATENESS: f64 = 0.02;

/// Drops weighed at most, the newest ones: more add nothing to a verdict but time.
const MAX_WEIGHED_DROPS: usize = 4_000;

/// Everything computed once for some consecutive sessions; the hypotheses read it.
pub(super) struct Frame<'a> {
    pub(super) log: &'a Log,
    /// The sessions, oldest first; the live one last, censored at the current time.
    pub(super) sessions: Vec<&'a Session>,
    /// Their drops, oldest first.
    pub(super) drops: Vec<DeathWindow>,
    /// The drop of each session, by session.
    pub(super) drop_by_session: Vec<Option<usize>>,
    /// Silences in either direction that a session survived, in seconds.
    pub(super) survived: SurvivalTable,
    /// Silences of the client that a session survived, in seconds.
    pub(super) survived_outgoing: SurvivalTable,
    /// Silences of the peer, answers to pings included, that a session survived, in seconds.
    pub(super) survived_incoming: SurvivalTable,
    /// Pauses of the peer that a session survived, in seconds; answers to pings do not end a pause.
    pub(super) survived_peer: SurvivalTable,
    /// Silences of the client that a session survived, in seconds beyond 1.5 keep-alives.
    pub(super) survived_excess: ExcessTable,
    /// Connected seconds, censored sessions included: nothing can drop while down.
    pub(super) exposure: f64,
    /// Least width of a kernel, in seconds: the resolution of the stamps.
    pub(super) floor: f64,
    /// Error of a time difference on a busy computer, in seconds.
    pub(super) lateness: f64,
    /// From the first start to the last end.
    pub(super) times: Range<Secs>,
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

/// All sessions and drops of a log; frames are parts of it.
pub(super) struct RecordedSessions<'a> {
    log: &'a Log,
    sessions: Vec<&'a Session>,
    drops: Vec<DeathWindow>,
}

impl<'a> RecordedSessions<'a> {
    /// Prepares a log. `live` is the live session, censored at the current time.
    pub(super) fn new(log: &'a Log, live: Option<&'a Session>) -> Self {
        Self { log, sessions: log.sessions.iter().chain(live).collect(), drops: drops(log) }
    }

    /// All sessions, oldest first.
    pub(super) fn sessions(&self) -> &[&'a Session] {
        &self.sessions
    }

    /// All drops, oldest first; their sessions are indices into [`RecordedSessions::sessions`].
    pub(super) fn drops(&self) -> &[DeathWindow] {
        &self.drops
    }

    /// The newest sessions, with at most [`MAX_WEIGHED_DROPS`] drops.
    pub(super) fn whole(&self) -> Frame<'a> {
        let oldest = self.drops.len().checked_sub(MAX_WEIGHED_DROPS).and_then(|index| self.drops.get(index));
        self.frame(oldest.map_or(0, |drop| drop.session)..self.sessions.len())
    }

    /// The frame of some consecutive sessions.
    pub(super) fn frame(&self, range: Range<usize>) -> Frame<'a> {
        let mut drops: Vec<DeathWindow> =
            self.drops.iter().filter(|drop| range.contains(&drop.session)).cloned().collect();
        for drop in &mut drops {
            drop.session -= range.start;
        }
        let sessions = self.sessions.get(range).unwrap_or_default().to_vec();
        Frame::new(self.log, sessions, drops)
    }
}

impl<'a> Frame<'a> {
    fn new(log: &'a Log, sessions: Vec<&'a Session>, drops: Vec<DeathWindow>) -> Self {
        let mut drop_by_session = vec![None; sessions.len()];
        for (index, drop) in drops.iter().enumerate() {
            if let Some(slot) = drop_by_session.get_mut(drop.session) {
                *slot = Some(index);
            }
        }
        let scale = log.started.as_ref().and_then(|started| started.time_scale).unwrap_or(1.0).max(1.0);
        // A millisecond more, because the times of silences are rounded down to milliseconds.
        let times = sessions.first().map_or(0.0, |first| first.start - 0.001)
            ..sessions.last().map_or(0.0, |last| last.end.max(last.start) + 0.001);
        let longest = longest_known_silence(log, &sessions);
        let table = |kind| log.silences.table(kind, &times).without_longer_than(longest);
        Self {
            exposure: sessions.iter().map(|session| session.age()).sum(),
            floor: if log.whole_seconds { 0.35 } else { f64::max(0.03, LATENESS * scale / 10.0) },
            lateness: LATENESS * scale,
            survived: table(SilenceKind::Either),
            survived_outgoing: table(SilenceKind::Outgoing),
            survived_incoming: table(SilenceKind::Incoming),
            survived_peer: log.silences.table(SilenceKind::PeerData, &times),
            survived_excess: ExcessTable(log.silences.table(SilenceKind::Excess, &times)),
            log,
            sessions,
            drops,
            drop_by_session,
            times,
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

    /// Whether this computer slept between two moments.
    pub(super) fn slept_between(&self, from: Secs, to: Secs) -> bool {
        let slept = &self.log.power_events;
        slept.partition_point(|at| *at < from) != slept.partition_point(|at| *at <= to)
    }

    /// Whether a probe failed from the last proof of life to ten seconds after the detection.
    pub(super) fn probe_failed(&self, from: Secs, to: Secs) -> bool {
        let probes = &self.log.failed_probes;
        let index = probes.partition_point(|(at, _)| *at < from);
        probes.get(index).is_some_and(|(at, _)| *at < to)
    }
}

/// The longest silence that the log can show, in seconds: where the pings of a client were not recorded, a silence longer
/// than the keep-alive is unknown.
fn longest_known_silence(log: &Log, sessions: &[&Session]) -> f64 {
    if log.pings > 0 {
        return f64::INFINITY;
    }
    let keep_alives = sessions.iter().map(|session| session.keep_alive).filter(|secs| secs.is_finite());
    keep_alives.reduce(f64::max).map_or(f64::INFINITY, |longest| 1.05 * longest + 1.0)
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
