//! The facts about the drops so far, the missing information, and the next step the state of the link requires.
//!
//! Only counts and comparisons: [`crate::classify`] weighs patterns and causes against each other and advises.

use std::time::Duration;

use super::codes::reason_words;
use super::event::DropKind;
use super::sentence::{duration_words, failure_reason};
use super::{DropRecord, ErrorName, LinkState, MarkKind, MqttVersion, Snapshot, words};

/// Drops needed before anything may be called a pattern.
pub const MIN_DROPS_FOR_PATTERN: u64 = 3;

/// Longest reason of a failed connect, in characters.
const MAX_REASON_CHARS: usize = 160;

/// The facts at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct DropFacts {
    /// The state of knowledge in one or two sentences.
    pub headline: String,
    /// Observations, the most informative first.
    pub known: Vec<String>,
    /// Information that is needed and missing.
    pub missing: Vec<String>,
    /// What the state of the link requires, whatever the drops show.
    pub next: Option<NextStep>,
}

/// What the state of the link requires; screens add the key for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Connect again: the link is off on purpose.
    Connect,
    /// No session was ever accepted: read why.
    ReadFailure,
    /// Turn the keep-alive on, so that a dead link is noticed at all.
    EnableKeepAlive,
    /// Leave it running: there was no drop yet under the keep-alive in force, but under another one.
    KeepRunning,
}

impl NextStep {
    /// The step as an instruction, without the key.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Connect => "connect again to go on watching",
            Self::ReadFailure => "see the Link panel: in which phase it fails, and why",
            Self::EnableKeepAlive => "turn the keep-alive on, so that a dead link is noticed",
            Self::KeepRunning => "no drop at this keep-alive yet: let it run",
        }
    }
}

/// Gathers the facts of a snapshot: O(retained drops + marks).
pub fn drop_facts(snapshot: &Snapshot) -> DropFacts {
    let stats = DropStats::of(snapshot);
    DropFacts {
        headline: headline(snapshot),
        known: known(snapshot, &stats),
        missing: missing(snapshot, &stats),
        next: next_step(snapshot),
    }
}

/// Smallest and largest of some values.
#[derive(Debug, Clone, Copy, Default)]
struct DurationRange {
    least: Duration,
    most: Duration,
    count: u64,
}

impl DurationRange {
    fn add(&mut self, value: Option<Duration>) {
        let Some(value) = value else { return };
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.count += 1;
    }

    /// `label: 58 to 61 s`, and whether the values have anything in common.
    fn sentence(self, label: &str, format_duration: fn(Duration) -> String) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let (least, most) = (self.least.as_secs_f64(), self.most.as_secs_f64());
        let remark = if self.count < MIN_DROPS_FOR_PATTERN {
            ""
        } else if most - least <= 0.05 * most + 1.0 {
            ", all alike"
        } else if most > 3.0 * least.max(0.1) {
            ", scattered"
        } else {
            ""
        };
        Some(format!("{label}: {}{remark}", words::range(self.least, self.most, format_duration)))
    }
}

/// What the retained drops have in common.
#[derive(Debug, Default)]
struct DropStats {
    /// Retained drops.
    drops: u64,
    /// The most frequent manner and its count.
    drop_kind: Option<(DropKind, u64)>,
    /// Of the drops of that manner, if they are the majority, else of all: what is compared.
    compared: u64,
    silence: DurationRange,
    age: DurationRange,
    sent_just_before: u64,
    reason: Option<(u8, u64)>,
    /// Of all drops.
    with_known_age: u64,
    near_system_event: u64,
    recovery: DurationRange,
    first_attempt_recoveries: u64,
}

impl DropStats {
    /// "Just before": within this of the drop.
    const JUST_BEFORE: Duration = Duration::from_secs(1);
    /// A system event this near may have to do with it.
    const NEAR_SYSTEM_EVENT: Duration = Duration::from_secs(60);

    fn of(snapshot: &Snapshot) -> Self {
        let mut stats = Self { drop_kind: Self::most_frequent_kind(snapshot), ..Self::default() };
        let all = u64::try_from(snapshot.drops.len()).unwrap_or(u64::MAX);
        let compared_kind = stats.drop_kind.filter(|(_, count)| count * 2 > all).map(|(how, _)| how);
        let mut events =
            snapshot.marks.iter().filter(|mark| mark.kind == MarkKind::System).map(|mark| mark.at).peekable();
        let mut event_before = None;
        for drop in snapshot.drops.iter() {
            while let Some(at) = events.next_if(|at| *at <= drop.at) {
                event_before = Some(at);
            }
            let before = event_before.is_some_and(|at| drop.at.since(at) <= Self::NEAR_SYSTEM_EVENT);
            let after = events.peek().is_some_and(|at| at.since(drop.at) <= Self::NEAR_SYSTEM_EVENT);
            stats.near_system_event += u64::from(before || after);
            stats.drops += 1;
            stats.with_known_age += u64::from(drop.session_start.is_some());
            stats.recovery.add(drop.recovery.as_ref().map(|back| back.took));
            stats.first_attempt_recoveries += u64::from(drop.recovery.is_some() && drop.failed_attempts == 0);
            if compared_kind.is_none() || drop.event.how == compared_kind {
                stats.add_to_comparison(drop);
            }
        }
        stats
    }

    /// The most frequent manner among the retained drops.
    fn most_frequent_kind(snapshot: &Snapshot) -> Option<(DropKind, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for how in snapshot.drops.iter().filter_map(|drop| drop.event.how) {
            *counts.entry(how).or_insert(0_u64) += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count)
    }

    /// [`drops_of_total`] of the drops that are compared.
    fn share_of_compared(&self, count: u64) -> String {
        match count {
            _ if self.compared == self.drops => drops_of_total(count, self.drops),
            all if all == self.compared => format!("all {all} of these"),
            some => format!("{some} of these {}", self.compared),
        }
    }

    fn add_to_comparison(&mut self, drop: &DropRecord) {
        self.compared += 1;
        self.silence.add(drop.idle_in);
        self.age.add(drop.session_start.map(|start| drop.at.since(start)));
        self.sent_just_before += u64::from(drop.idle_out.is_some_and(|idle| idle <= Self::JUST_BEFORE));
        if let Some(code) = drop.event.reason_code {
            self.reason = match self.reason {
                Some((newest, count)) if newest == code => Some((code, count + 1)),
                _ => Some((code, 1)),
            };
        }
    }
}

fn headline(snapshot: &Snapshot) -> String {
    let metrics = &snapshot.metrics;
    let never_connected = snapshot.connections.is_empty() && metrics.connected.is_zero();
    match metrics.total_connection_drops {
        0 if never_connected => match metrics.connect_failures {
            0 => "No session yet.".into(),
            failed => {
                format!("Never connected so far: {} failed.", words::count(failed, "connect", "connects"))
            }
        },
        0 => format!("No drop yet. Watched {}.", duration_words(metrics.observed)),
        few @ 1..MIN_DROPS_FOR_PATTERN => {
            let seen = words::count(few, "drop", "drops");
            format!("{seen} so far; a pattern needs {} more.", MIN_DROPS_FOR_PATTERN - few)
        }
        many => match metrics.mtbf() {
            Some(mtbf) => format!("{many} drops, one per {} connected.", duration_words(mtbf)),
            None => format!("{many} drops."),
        },
    }
}

fn known(snapshot: &Snapshot, stats: &DropStats) -> Vec<String> {
    let mut known = Vec::new();
    if stats.drops == 0 {
        known.extend(latest_failure(snapshot));
        known.extend(most_frequent_failure(snapshot));
        known.extend(current_session_age(snapshot));
        known.extend(keep_alive_comparison(snapshot));
        return known;
    }
    if let Some((how, count)) = stats.drop_kind {
        let newest = if snapshot.drops.evicted() > 0 { " kept here" } else { "" };
        known.push(format!(
            "{}{newest}: {}",
            drops_of_total(count, stats.drops),
            words::drop_kind(Some(how))
        ));
    }
    if let Some((code, count)) = stats.reason {
        let meaning = reason_words(code).unwrap_or("not in the standard");
        known.push(format!("{}: the broker sent 0x{code:02X}, {meaning}", stats.share_of_compared(count)));
    }
    known.extend(stats.silence.sentence("silent before", words::seconds));
    known.extend(keep_alive_comparison(snapshot));
    known.extend(stats.age.sentence("session ages", duration_words));
    let usually_sent_before =
        stats.compared >= MIN_DROPS_FOR_PATTERN && stats.sent_just_before * 5 >= stats.compared * 4;
    if usually_sent_before {
        let which = stats.share_of_compared(stats.sent_just_before);
        known.push(format!("{which}: we sent a packet less than 1 s before"));
    }
    if stats.near_system_event > 0 {
        let which = drops_of_total(stats.near_system_event, stats.drops);
        known.push(format!("{which}: within a minute of an event on this computer"));
    }
    known.extend(stats.recovery.sentence("reconnected after", duration_words));
    if stats.first_attempt_recoveries < stats.recovery.count {
        known.push(format!(
            "reconnected at the first attempt: {} of {}",
            stats.first_attempt_recoveries, stats.recovery.count
        ));
    }
    known.extend(latest_failure(snapshot));
    known
}

/// `all 5 drops`, `4 of 5 drops`, `the drop`.
fn drops_of_total(count: u64, all: u64) -> String {
    match (count, all) {
        (1, 1) => "the drop".into(),
        (count, all) if count == all => format!("all {all} drops"),
        (count, all) => format!("{count} of {all} drops"),
    }
}

/// The most frequent reason for which connects failed.
fn most_frequent_failure(snapshot: &Snapshot) -> Option<String> {
    let metrics = &snapshot.metrics;
    let (name, count) = metrics.failures_by_error.iter().max_by_key(|(_, count)| **count)?;
    let text = ErrorName::by_name(name).map_or(name.as_str(), |known| known.text.trim_end_matches('.'));
    Some(format!("{count} of {} failed connects: {text}", metrics.connect_failures))
}

/// Why the newest connect failed, shortened; the Link panel and the log show it in full.
fn latest_failure(snapshot: &Snapshot) -> Option<String> {
    let reason = failure_reason(snapshot.last_failure.as_ref()?);
    let reason = reason.split("; ").next().filter(|reason| !reason.is_empty())?;
    let mut short: String = reason.chars().take(MAX_REASON_CHARS).collect();
    if short.len() < reason.len() {
        short.push('…');
    }
    Some(format!("the newest attempt failed{short}"))
}

fn current_session_age(snapshot: &Snapshot) -> Option<String> {
    match snapshot.link {
        LinkState::Connected { since } => {
            Some(format!("this session has lasted {} so far", duration_words(snapshot.at.since(since))))
        }
        _ => None,
    }
}

/// Drops per connected time of the two newest keep-alive values, once there are two.
fn keep_alive_comparison(snapshot: &Snapshot) -> Option<String> {
    let tried: Vec<_> = snapshot.arms.iter().filter(|arm| !arm.connected.is_zero()).collect();
    let [.., earlier, current] = tried.as_slice() else { return None };
    let one = |arm: &super::KeepAliveArm| {
        let drops = words::count(arm.drops, "drop", "drops");
        format!("{drops} in {} at keep-alive {} s", duration_words(arm.connected), arm.keep_alive_secs)
    };
    Some(format!("{}, {}", one(earlier), one(current)))
}

fn missing(snapshot: &Snapshot, stats: &DropStats) -> Vec<String> {
    let mut missing = Vec::new();
    let metrics = &snapshot.metrics;
    let unknown_kind_count = metrics.drops_by_how.get(&None).copied().unwrap_or(0);
    if unknown_kind_count > 0 {
        missing
            .push(format!("how {} ended: not recorded", words::count(unknown_kind_count, "drop", "drops")));
    }
    if snapshot.mqtt_version == Some(MqttVersion::V311.into()) {
        missing.push("the broker's reason: MQTT 3.1.1 has no way to give one".into());
    }
    if snapshot.keep_alive_secs == 0 && snapshot.started.is_some() {
        missing.push("ping round trips: the keep-alive is off".into());
    }
    if !snapshot.marks.iter().any(|mark| mark.kind == MarkKind::Probe) {
        missing.push("whether the network was up: nothing is probed beside the connection".into());
    }
    if stats.drops > stats.with_known_age {
        let unknown = words::count(stats.drops - stats.with_known_age, "session", "sessions");
        missing.push(format!("the age of {unknown}: the connect was not seen"));
    }
    if snapshot.drops.evicted() > 0 {
        let evicted = words::count(snapshot.drops.evicted(), "drop", "drops");
        missing.push(format!("the oldest {evicted}: only {} are kept here", snapshot.drops.capacity()));
    }
    missing
}

fn next_step(snapshot: &Snapshot) -> Option<NextStep> {
    let metrics = &snapshot.metrics;
    if matches!(snapshot.link, LinkState::Off { .. }) {
        return Some(NextStep::Connect);
    }
    if snapshot.connections.is_empty() && metrics.connect_failures > 0 {
        return Some(NextStep::ReadFailure);
    }
    if snapshot.keep_alive_secs == 0 && snapshot.started.is_some() {
        return Some(NextStep::EnableKeepAlive);
    }
    let has_no_drop =
        |arm: &super::KeepAliveArm| arm.keep_alive_secs == snapshot.keep_alive_secs && arm.drops == 0;
    let is_comparing = snapshot.arms.iter().any(has_no_drop) && metrics.total_connection_drops > 0;
    is_comparing.then_some(NextStep::KeepRunning)
}

#[cfg(test)]
mod tests;
