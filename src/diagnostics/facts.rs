//! What is known about the drops so far, what is missing, and what does the state of the link ask for?
//!
//! Plain facts only, for as long as nothing can be said about the pattern: [`crate::classify`] weighs patterns and
//! causes against each other, and says what to do about them.

use std::time::Duration;

use super::codes::reason_words;
use super::event::How;
use super::sentence::{duration_words, failure_reason};
use super::{Drop, ErrorName, LinkState, MarkKind, Snapshot, words};

/// Drops needed before anything may be called a pattern.
pub const DROPS_FOR_A_PATTERN: u64 = 3;

/// Longest reason of a failed connect, in characters.
const LONGEST_REASON: usize = 160;

/// What can honestly be said at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The state of knowledge in one or two sentences.
    pub headline: String,
    /// What was seen, the most telling first.
    pub known: Vec<String>,
    /// What would be needed and is not there.
    pub missing: Vec<String>,
    /// What the state of the link asks for, whatever the drops say.
    pub next: Option<NextStep>,
}

/// What the state of the link asks for; screens add the key that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Connect again: the link is off on purpose.
    Connect,
    /// No session was ever accepted: read why.
    ReadFailure,
    /// Turn the keep-alive on, so that a dead link is noticed at all.
    TurnPingsOn,
    /// Leave it running: the keep-alive in force has had no drop yet, another one has.
    KeepComparing,
}

impl NextStep {
    /// The step as an instruction, without the key.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Connect => "connect again to go on watching",
            Self::ReadFailure => "see the Link panel: in which phase it fails, and why",
            Self::TurnPingsOn => "turn the keep-alive on, so that a dead link is noticed",
            Self::KeepComparing => "no drop at this keep-alive yet: let it run",
        }
    }
}

/// Gathers the facts of a snapshot: O(retained drops + marks).
pub fn facts(snapshot: &Snapshot) -> Facts {
    let tally = Tally::of(snapshot);
    Facts {
        headline: headline(snapshot),
        known: known(snapshot, &tally),
        missing: missing(snapshot, &tally),
        next: next(snapshot),
    }
}

/// Smallest and largest of some values.
#[derive(Debug, Clone, Copy, Default)]
struct Range {
    least: Duration,
    most: Duration,
    count: u64,
}

impl Range {
    fn add(&mut self, value: Option<Duration>) {
        let Some(value) = value else { return };
        self.least = if self.count == 0 { value } else { self.least.min(value) };
        self.most = self.most.max(value);
        self.count += 1;
    }

    /// `label: 58 to 61 s`, and whether the values have anything in common.
    fn sentence(self, label: &str, say: fn(Duration) -> String) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let (least, most) = (self.least.as_secs_f64(), self.most.as_secs_f64());
        let remark = if self.count < DROPS_FOR_A_PATTERN {
            ""
        } else if most - least <= 0.05 * most + 1.0 {
            ", all alike"
        } else if most > 3.0 * least.max(0.1) {
            ", scattered"
        } else {
            ""
        };
        Some(format!("{label}: {}{remark}", words::range(self.least, self.most, say)))
    }
}

/// What the retained drops have in common.
#[derive(Debug, Default)]
struct Tally {
    /// Retained drops.
    drops: u64,
    /// The manner most of them share, and how many do.
    manner: Option<(How, u64)>,
    /// Of the drops of that manner, if they are the majority, else of all: what is compared.
    compared: u64,
    silence: Range,
    age: Range,
    sent_just_before: u64,
    reason: Option<(u8, u64)>,
    /// Of all drops.
    known_ages: u64,
    near_system_event: u64,
    back: Range,
    first_try: u64,
}

impl Tally {
    /// "Just before": within this of the drop.
    const JUST_BEFORE: Duration = Duration::from_secs(1);
    /// A system event this near may have to do with it.
    const NEAR: Duration = Duration::from_secs(60);

    fn of(snapshot: &Snapshot) -> Self {
        let mut tally = Self { manner: Self::manner(snapshot), ..Self::default() };
        let all = u64::try_from(snapshot.drops.len()).unwrap_or(u64::MAX);
        let only = tally.manner.filter(|(_, count)| count * 2 > all).map(|(how, _)| how);
        let mut events =
            snapshot.marks.iter().filter(|mark| mark.kind == MarkKind::System).map(|mark| mark.at).peekable();
        let mut event_before = None;
        for drop in snapshot.drops.iter() {
            while let Some(at) = events.next_if(|at| *at <= drop.at) {
                event_before = Some(at);
            }
            let before = event_before.is_some_and(|at| drop.at.since(at) <= Self::NEAR);
            let after = events.peek().is_some_and(|at| at.since(drop.at) <= Self::NEAR);
            tally.near_system_event += u64::from(before || after);
            tally.drops += 1;
            tally.known_ages += u64::from(drop.session_start.is_some());
            tally.back.add(drop.recovery.as_ref().map(|back| back.took));
            tally.first_try += u64::from(drop.recovery.is_some() && drop.failed_attempts == 0);
            if only.is_none() || drop.event.how == only {
                tally.compare(drop);
            }
        }
        tally
    }

    /// The most frequent manner among the retained drops.
    fn manner(snapshot: &Snapshot) -> Option<(How, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for how in snapshot.drops.iter().filter_map(|drop| drop.event.how) {
            *counts.entry(how).or_insert(0_u64) += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count)
    }

    /// [`of_all`] of the drops that are compared.
    fn of_compared(&self, count: u64) -> String {
        match count {
            _ if self.compared == self.drops => of_all(count, self.drops),
            all if all == self.compared => format!("all {all} of these"),
            some => format!("{some} of these {}", self.compared),
        }
    }

    fn compare(&mut self, drop: &Drop) {
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
        few @ 1..DROPS_FOR_A_PATTERN => {
            let seen = words::count(few, "drop", "drops");
            format!("{seen} so far; a pattern needs {} more.", DROPS_FOR_A_PATTERN - few)
        }
        many => match metrics.mtbf() {
            Some(mtbf) => format!("{many} drops, one per {} connected.", duration_words(mtbf)),
            None => format!("{many} drops."),
        },
    }
}

fn known(snapshot: &Snapshot, tally: &Tally) -> Vec<String> {
    let mut known = Vec::new();
    if tally.drops == 0 {
        known.extend(newest_failure(snapshot));
        known.extend(leading_failure(snapshot));
        known.extend(session_so_far(snapshot));
        known.extend(arms(snapshot));
        return known;
    }
    if let Some((how, count)) = tally.manner {
        let newest = if snapshot.drops.evicted() > 0 { " kept here" } else { "" };
        known.push(format!("{}{newest}: {}", of_all(count, tally.drops), words::how(Some(how))));
    }
    if let Some((code, count)) = tally.reason {
        let meaning = reason_words(code).unwrap_or("not in the standard");
        known.push(format!("{}: the broker said 0x{code:02X}, {meaning}", tally.of_compared(count)));
    }
    known.extend(tally.silence.sentence("silent before", words::seconds));
    known.extend(arms(snapshot));
    known.extend(tally.age.sentence("session ages", duration_words));
    let often = tally.compared >= DROPS_FOR_A_PATTERN && tally.sent_just_before * 5 >= tally.compared * 4;
    if often {
        let which = tally.of_compared(tally.sent_just_before);
        known.push(format!("{which}: we had sent something less than 1 s before"));
    }
    if tally.near_system_event > 0 {
        let which = of_all(tally.near_system_event, tally.drops);
        known.push(format!("{which}: within a minute of an event on this computer"));
    }
    known.extend(tally.back.sentence("back after", duration_words));
    if tally.first_try < tally.back.count {
        known.push(format!("back at the first try: {} of {}", tally.first_try, tally.back.count));
    }
    known.extend(newest_failure(snapshot));
    known
}

/// `all 5 drops`, `4 of 5 drops`, `the drop`.
fn of_all(count: u64, all: u64) -> String {
    match (count, all) {
        (1, 1) => "the drop".into(),
        (count, all) if count == all => format!("all {all} drops"),
        (count, all) => format!("{count} of {all} drops"),
    }
}

/// The most frequent reason for which connects failed.
fn leading_failure(snapshot: &Snapshot) -> Option<String> {
    let metrics = &snapshot.metrics;
    let (name, count) = metrics.failures_by_error.iter().max_by_key(|(_, count)| **count)?;
    let said = ErrorName::by_name(name).map_or(name.as_str(), |known| known.text.trim_end_matches('.'));
    Some(format!("{count} of {} failed connects: {said}", metrics.connect_failures))
}

/// Why there is no session now, as far as the newest try tells; the Link panel and the log say it in full.
fn newest_failure(snapshot: &Snapshot) -> Option<String> {
    let reason = failure_reason(snapshot.last_failure.as_ref()?);
    let reason = reason.split("; ").next().filter(|reason| !reason.is_empty())?;
    let mut short: String = reason.chars().take(LONGEST_REASON).collect();
    if short.len() < reason.len() {
        short.push('…');
    }
    Some(format!("the newest try failed{short}"))
}

fn session_so_far(snapshot: &Snapshot) -> Option<String> {
    match snapshot.link {
        LinkState::Connected { since } => {
            Some(format!("this session has lasted {} so far", duration_words(snapshot.at.since(since))))
        }
        _ => None,
    }
}

/// What each keep-alive value brought, once there is something to compare.
fn arms(snapshot: &Snapshot) -> Option<String> {
    let tried: Vec<_> = snapshot.arms.iter().filter(|arm| !arm.connected.is_zero()).collect();
    let [.., earlier, current] = tried.as_slice() else { return None };
    let one = |arm: &super::KeepAliveArm| {
        let drops = words::count(arm.drops, "drop", "drops");
        format!("{drops} in {} at keep-alive {} s", duration_words(arm.connected), arm.keep_alive_secs)
    };
    Some(format!("{}, {}", one(earlier), one(current)))
}

fn missing(snapshot: &Snapshot, tally: &Tally) -> Vec<String> {
    let mut missing = Vec::new();
    let metrics = &snapshot.metrics;
    let manner_unknown = metrics.drops_by_how.get(&None).copied().unwrap_or(0);
    if manner_unknown > 0 {
        missing.push(format!("how {} ended: not recorded", words::count(manner_unknown, "drop", "drops")));
    }
    if snapshot.mqtt_version.as_deref() == Some("3.1.1") {
        missing.push("the broker's reason: MQTT 3.1.1 has no way to give one".into());
    }
    if snapshot.keep_alive_secs == 0 && snapshot.started.is_some() {
        missing.push("ping round trips: the keep-alive is off".into());
    }
    if !snapshot.marks.iter().any(|mark| mark.kind == MarkKind::Probe) {
        missing.push("whether the network was up: nothing is probed beside the connection".into());
    }
    if tally.drops > tally.known_ages {
        let unknown = words::count(tally.drops - tally.known_ages, "session", "sessions");
        missing.push(format!("the age of {unknown}: the connect was not seen"));
    }
    if snapshot.drops.evicted() > 0 {
        let gone = words::count(snapshot.drops.evicted(), "drop", "drops");
        missing.push(format!("the oldest {gone}: only {} are kept here", snapshot.drops.capacity()));
    }
    missing
}

fn next(snapshot: &Snapshot) -> Option<NextStep> {
    let metrics = &snapshot.metrics;
    if matches!(snapshot.link, LinkState::Off { .. }) {
        return Some(NextStep::Connect);
    }
    if snapshot.connections.is_empty() && metrics.connect_failures > 0 {
        return Some(NextStep::ReadFailure);
    }
    if snapshot.keep_alive_secs == 0 && snapshot.started.is_some() {
        return Some(NextStep::TurnPingsOn);
    }
    let spared =
        |arm: &super::KeepAliveArm| arm.keep_alive_secs == snapshot.keep_alive_secs && arm.drops == 0;
    let compares = snapshot.arms.iter().any(spared) && metrics.total_connection_drops > 0;
    compares.then_some(NextStep::KeepComparing)
}

#[cfg(test)]
mod tests;
