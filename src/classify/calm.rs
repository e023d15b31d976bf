//! Whether a change helped: the drops since then, against those expected at the rate before.

use super::case::RecordedSessions;
use super::explanation::length;
use super::math::real;
use super::posterior::regimes::Regimes;
use super::session::Session;
use super::{Advice, AdviceAction, Calm};
use crate::diagnostics::words;

/// Least number of expected drops worth a comparison.
const MIN_EXPECTED: f64 = 0.5;
/// Fewest drops that give a rate.
const MIN_DROPS_BEFORE: usize = 2;
/// Expected drops from which none at all is a success: less than one chance in twenty at the old rate.
const SUCCESS: f64 = 3.0;

/// The drops since the configuration changed, or since the cause vanished.
pub(super) fn calm(history: &RecordedSessions, regimes: &Regimes) -> Option<Calm> {
    let sessions = history.sessions();
    let (from, is_known) = match (newest_change(sessions), regimes.calm_from) {
        (Some(change), Some(calm)) if calm > change => (calm, false),
        (Some(change), _) => (change, true),
        (None, calm) => (calm?, false),
    };
    let first = sessions.get(from)?;
    let connected = |sessions: &[&Session]| sessions.iter().map(|session| session.age()).sum::<f64>();
    let (before, since) = sessions.split_at(from);
    // The time in the same configuration before an interruption by another one counts as well.
    let before: Vec<&Session> =
        before.iter().filter(|session| !is_known || !session.has_configuration_of(first)).copied().collect();
    let drops_before = before.iter().filter(|session| session.ending.is_some()).count();
    let drops = since.iter().filter(|session| session.ending.is_some()).count();
    if drops_before < MIN_DROPS_BEFORE {
        return None;
    }
    let secs_per_drop_before = connected(&before) / real(drops_before);
    let connected_secs = connected(since);
    let expected = connected_secs / secs_per_drop_before.max(1e-3);
    let last = sessions.get(from.checked_sub(1)?).filter(|_| is_known);
    let has_other_keep_alive = last.is_some_and(|last| !last.has_keep_alive_of(first));
    let keep_alive = if first.keep_alive.is_finite() { first.keep_alive } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of this century")]
    let since = chrono::DateTime::from_timestamp_millis((first.start_wall * 1_000.0) as i64)?;
    (expected >= MIN_EXPECTED).then_some(Calm {
        since,
        keep_alive_secs: has_other_keep_alive.then_some(keep_alive),
        has_other_client_id: last.is_some_and(|last| last.has_another_client_id(first)),
        connected_secs,
        drops: u64::try_from(drops).unwrap_or(u64::MAX),
        expected,
        secs_per_drop_before,
    })
}

/// The first session of the current configuration, if it differs from the one before.
fn newest_change(sessions: &[&Session]) -> Option<usize> {
    let is_change = |pair: &[&Session]| match pair {
        [before, after] => !after.has_configuration_of(before),
        _ => false,
    };
    sessions.windows(2).rposition(is_change).map(|index| index + 1)
}

impl Calm {
    /// Whether the change ended the drops: none, where at least three were expected.
    pub fn is_success(&self) -> bool {
        self.drops == 0 && self.expected >= SUCCESS
    }

    /// What to do once a changed keep-alive or client id has ended the drops.
    pub(super) fn advice(&self) -> Option<Advice> {
        if self.has_other_client_id && self.keep_alive_secs.is_none() && self.is_success() {
            let text = "keep this client id: the drops have stopped; find the client that uses the old one";
            return Some(Advice::new(text, AdviceAction::Wait));
        }
        let secs = self.keep_alive_secs.filter(|secs| *secs > 0.0 && self.is_success())?;
        let text = format!("keep the keep-alive at {}: the drops have stopped", length(secs));
        Some(Advice::new(text, AdviceAction::Wait))
    }

    /// The comparison in a sentence, without the full stop.
    pub fn sentence(&self) -> String {
        let at = match self.keep_alive_secs {
            Some(secs) if secs > 0.0 => format!(" at a keep-alive of {}", length(secs)),
            Some(_) => " with the keep-alive off".to_owned(),
            None if self.has_other_client_id => " with another client id".to_owned(),
            None => String::new(),
        };
        let drops =
            if self.drops == 0 { "no drop".to_owned() } else { words::count(self.drops, "drop", "drops") };
        let expected = if self.expected < 10.0 {
            format!("{:.1}", self.expected)
        } else {
            format!("{:.0}", self.expected)
        };
        format!(
            "since {} UTC{at}: {drops} in {}, {expected} expected (before: one per {})",
            self.since.format("%Y-%m-%d %H:%M"),
            length(self.connected_secs),
            length(self.secs_per_drop_before)
        )
    }
}
