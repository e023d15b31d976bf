//! The cause of the drops of a recording, as far as an observer can infer it.

use std::collections::BTreeMap;

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::DropKind;

use super::plan::{Death, FaultKind, Plan};
use super::world::Line;

#[derive(Debug)]
pub(super) struct Label {
    pub(super) truth: &'static str,
    pub(super) also: Vec<&'static str>,
    /// Share of the drops with another cause than the truth.
    pub(super) foreign: f64,
}

/// The computer slept and the broker gave up on it: an event of this computer, and a keep-alive missed.
pub(super) const SLEEP: &str = "sleep";

/// A mechanism needs this many drops to be named at all.
const FEWEST: usize = 3;

/// Share of the drops in percent from which a second cause is as right an answer as the first: contamination counts
/// only if it causes nearly half.
fn enough(cause: &str) -> usize {
    if cause == "random" { 45 } else { 30 }
}

pub(super) fn label(lines: &[Line], plan: &Plan) -> Label {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut slept = 0;
    for cause in lines.iter().filter_map(|line| line.cause) {
        slept += usize::from(cause == SLEEP);
        *counts.entry(if cause == SLEEP { "system_event" } else { cause }).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let Some((main, hits)) = ranked.first().copied().filter(|_| total >= FEWEST) else {
        return Label { truth: "undetermined", also: few_drops(lines, &ranked), foreign: 0.0 };
    };
    let mut also: Vec<_> = ranked
        .iter()
        .skip(1)
        .filter(|(cause, count)| *count >= FEWEST && 100 * *count >= total * enough(cause))
        .map(|(cause, _)| *cause)
        .collect();
    if 2 * slept > hits && main == "system_event" {
        also.push("keep_alive_timeout");
    }
    // A few losses of a kind that needs many to be recognized.
    let shapeless = main == "random" && total < 5;
    if hits < FEWEST || shapeless {
        also.push(main);
        return Label { truth: "undetermined", also, foreign: 0.0 };
    }
    if main == "random" && total < 8 {
        also.push("undetermined");
    }
    let reset = |death| death == Death::Close(DropKind::Rst);
    if main == "client_id_takeover"
        && plan.faults.iter().any(|fault| fault.cause == main && reset(fault.death))
    {
        // Brokers close; resets in bursts may as well come from the path.
        also.push("bursty");
    }
    if main == "bursty" {
        bursts(lines, plan, &mut also);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
    let foreign = 1.0 - hits as f64 / total as f64;
    Label { truth: main, also, foreign }
}

/// Fewer than three drops: a stated cause, and an operation that failed both times, need no third.
fn few_drops(lines: &[Line], ranked: &[(&'static str, usize)]) -> Vec<&'static str> {
    const NAMING: [u8; 7] = [0x87, 0x8D, 0x8E, 0x95, 0x96, 0x97, 0xA0];
    let [(only, count)] = ranked else { return Vec::new() };
    let mut drops = lines.iter().filter_map(|line| match &line.event {
        Event::Dropped(dropped) => Some(dropped.reason_code),
        _ => None,
    });
    let is_stated = drops.all(|code| code.is_some_and(|code| NAMING.contains(&code)));
    if is_stated || (*only == "publish_triggered" && *count == 2) { vec![*only] } else { Vec::new() }
}

/// Few or short bursts are no pattern yet; bursts in which the peer closes look like a takeover.
fn bursts(lines: &[Line], plan: &Plan, also: &mut Vec<&'static str>) {
    let quiet = plan.faults.iter().find_map(|fault| match fault.kind {
        FaultKind::Spells { quiet, .. } => Some(quiet),
        _ => None,
    });
    let apart = 0.08 * quiet.unwrap_or(f64::INFINITY);
    let (mut bursts, mut drops, mut closed, mut last) = (0_usize, 0_usize, 0_usize, f64::NEG_INFINITY);
    for line in lines.iter().filter(|line| line.cause == Some("bursty")) {
        bursts += usize::from(line.at - last > apart);
        drops += 1;
        last = line.at;
        if let Event::Dropped(dropped) = &line.event {
            let silent = [DropKind::PingTimeout, DropKind::Io, DropKind::Local, DropKind::Rst];
            closed += usize::from(dropped.how.is_none_or(|how| !silent.contains(&how)));
        }
    }
    if drops < 8 || bursts < 3 {
        also.extend(["random", "undetermined"]);
    } else if 2 * drops < 5 * bursts {
        also.push("random");
    }
    if 10 * closed >= 7 * drops {
        also.push("client_id_takeover");
    }
}
