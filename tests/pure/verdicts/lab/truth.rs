//! The best answer that an observer of a run can give.

use std::time::Duration;

use dropscope::diagnostics::event::DropKind;
use dropscope::diagnostics::{Event, Stamp, StampedEvent};

/// Standard deviation over mean of the times between drops; 1 for memoryless drops.
const LIKE_CHANCE: f64 = 1.2;
const SURELY_BURSTS: f64 = 1.7;
/// Share of silent drops with an immediate reconnect that looks like a stalled client.
const NOTABLE: f64 = 0.38;

/// A longer time to reconnect is an outage.
const LONG: Duration = Duration::from_secs(120);

/// Ages that differ by less are the same.
const SAME: Duration = Duration::from_secs(2);

/// What the recording shows of each drop.
struct ObservedDrops {
    drops: u64,
    /// No answer to a ping, and the very next connect succeeds.
    bare: u64,
    /// Seconds from each drop to the next.
    gaps: Vec<f64>,
    ages: Vec<Duration>,
    /// Detected by a timeout of the client: the time of death is not known.
    silent: u64,
    /// The reconnect took long and several attempts.
    long: u64,
}

impl ObservedDrops {
    fn spread(&self) -> f64 {
        let count = self.gaps.len().max(1) as f64;
        let mean = self.gaps.iter().sum::<f64>() / count;
        let variance = self.gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        variance.sqrt() / mean.max(0.001)
    }

    /// Whether nearly all sessions lasted equally long.
    fn is_one_age(&self) -> bool {
        let mut ages = self.ages.clone();
        ages.sort();
        let middle = ages.get(ages.len() / 2).copied().unwrap_or_default();
        let same = ages.iter().filter(|age| age.abs_diff(middle) < SAME).count();
        same * 10 >= ages.len() * 8
    }
}

/// The pattern of a run, and in `also` the answers that are equally right; `strays`: drops with another cause.
pub(crate) fn label_case(
    mechanism: &'static str,
    events: &[StampedEvent],
    strays: u64,
    also: &mut Vec<&'static str>,
) -> &'static str {
    let shown = observe_drops(events);
    let own = shown.drops.saturating_sub(strays);
    if shown.drops < 3 {
        also.clear();
        // A drop that states its cause, and an operation that failed both times, need no third drop.
        let is_operation = mechanism == "publish_triggered" && shown.drops == 2;
        if strays == 0 && (is_operation || states_its_cause(events)) {
            also.push(mechanism);
        }
        return "undetermined";
    }
    let mut truth = mechanism;
    if own < 3 || 2 * strays > shown.drops {
        *also = vec!["undetermined", mechanism];
        truth = "random";
    }
    // Bursts that ended one session each, or hardly differ from the rest, look like random loss.
    if truth == "bursty" && shown.drops >= 5 {
        let spread = shown.spread();
        if spread < LIKE_CHANCE {
            truth = "random";
            also.push("bursty");
        } else if spread < SURELY_BURSTS {
            also.push("random");
        }
    }
    let share = |count: u64| count as f64 / shown.drops as f64;
    if truth == "bursty" && share(shown.long) >= NOTABLE {
        also.push("outage");
    }
    if truth == "outage" && share(shown.long) < NOTABLE {
        also.extend(["random", "bursty"]);
    }
    // A few drops without a pattern, or without exact times, are weak evidence.
    let is_vague = shown.drops < 5 && 2 * shown.silent >= shown.drops;
    if (truth == "random" && shown.drops < 5) || (truth == "bursty" && shown.drops < 8) || is_vague {
        also.push("undetermined");
    }
    // A session that is silent until each ping shows neither a limit nor survived silences.
    if truth == "idle_timeout" && shown.is_one_age() {
        also.extend(["fixed_lifetime", "keep_alive_timeout"]);
    }
    // A session that is silent from its connect on does not show whether its age or its silence ended it.
    if truth == "fixed_lifetime" && is_silent_until_its_end(events) {
        also.push("idle_timeout");
    }
    if truth == "random" && share(shown.bare) >= NOTABLE && shown.bare >= 3 {
        also.push("keep_alive_timeout");
    }
    truth
}

/// Whether each drop carries a reason code that names a cause.
fn states_its_cause(events: &[StampedEvent]) -> bool {
    const NAMING: [u8; 7] = [0x87, 0x8D, 0x8E, 0x95, 0x96, 0x97, 0xA0];
    let mut drops = events.iter().filter_map(|observed| match &observed.event {
        Event::Dropped(dropped) => Some(dropped.reason_code),
        _ => None,
    });
    drops.all(|code| code.is_some_and(|code| NAMING.contains(&code)))
}

/// Whether hardly any packet was exchanged in the sessions that dropped.
fn is_silent_until_its_end(events: &[StampedEvent]) -> bool {
    let (mut quiet, mut drops) = (0_usize, 0_usize);
    let mut newest: Option<Stamp> = None;
    let mut began: Option<Stamp> = None;
    for StampedEvent { at, event } in events {
        match event {
            Event::Connected(_) => (began, newest) = (Some(*at), Some(*at)),
            Event::Ping { .. } | Event::Published(_) | Event::Received(_) | Event::Traffic { .. } => {
                newest = Some(*at);
            }
            Event::Dropped(_) => {
                drops += 1;
                let (Some(start), Some(last)) = (began.take(), newest) else { continue };
                let silence = at.since(last).as_secs_f64();
                quiet += usize::from(silence >= 0.9 * at.since(start).as_secs_f64());
            }
            _ => {}
        }
    }
    drops > 0 && quiet * 10 >= drops * 8
}

fn observe_drops(events: &[StampedEvent]) -> ObservedDrops {
    let mut shown =
        ObservedDrops { drops: 0, bare: 0, gaps: Vec::new(), ages: Vec::new(), silent: 0, long: 0 };
    let (mut last, mut silent): (Option<Stamp>, bool) = (None, false);
    let (mut began, mut failures) = (None, 0);
    for StampedEvent { at, event } in events {
        match event {
            Event::Dropped(dropped) => {
                shown.drops += 1;
                shown.gaps.extend(last.map(|last| at.since(last).as_secs_f64()));
                last = Some(*at);
                shown.ages.extend(began.take().map(|began| at.since(began)));
                silent = dropped.how == Some(DropKind::PingTimeout);
                shown.silent += u64::from(silent || dropped.how == Some(DropKind::Io));
                failures = 0;
            }
            Event::ConnectFailed(_) => (silent, failures) = (false, failures + 1),
            Event::Disconnected { .. } => (silent, failures) = (false, 0),
            Event::Connected(_) => {
                began = Some(*at);
                let is_long = failures >= 2 && last.is_some_and(|last| at.since(last) > LONG);
                shown.long += u64::from(is_long);
                failures = 0;
                shown.bare += u64::from(std::mem::take(&mut silent));
            }
            _ => {}
        }
    }
    shown
}

/// Whether the recording names the takeover: MQTT 5 reason code 0x8E.
pub(crate) fn has_takeover_reason(events: &[StampedEvent]) -> bool {
    events.iter().any(|observed| match &observed.event {
        Event::Dropped(dropped) => {
            let is_in_message =
                dropped.error_message.as_deref().is_some_and(|message| message.contains("0x8E"));
            is_in_message || dropped.reason_code == Some(0x8E)
        }
        _ => false,
    })
}
