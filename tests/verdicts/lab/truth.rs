//! What could an honest observer know of a run at best?

use std::time::Duration;

use dropscope::diagnostics::event::How;
use dropscope::diagnostics::{Event, Observed, Stamp};

/// Drops further apart belong to different incidents.
const INCIDENT: Duration = Duration::from_secs(900);
/// Drops of which a share of so much is silent with a free way back look like a client that stalls.
const BARE: f64 = 0.38;

/// Ages that differ by less are the same.
const SAME: Duration = Duration::from_secs(2);

/// What the recording shows of each drop.
struct Shown {
    drops: u64,
    /// No answer to a ping, and the very next connect succeeds.
    bare: u64,
    incidents: u64,
    ages: Vec<Duration>,
    /// MQTT 5: "session taken over".
    names_rival: bool,
}

impl Shown {
    /// Whether nearly all sessions lasted equally long.
    fn is_one_age(&self) -> bool {
        let mut ages = self.ages.clone();
        ages.sort();
        let middle = ages.get(ages.len() / 2).copied().unwrap_or_default();
        let same = ages.iter().filter(|age| age.abs_diff(middle) < SAME).count();
        same * 10 >= ages.len() * 8
    }
}

/// The pattern of a run, and in `also` the answers that are as right; `strays`: drops that the mechanism did
/// not make.
pub(crate) fn of(
    mechanism: &'static str,
    events: &[Observed],
    strays: u64,
    also: &mut Vec<&'static str>,
) -> &'static str {
    let shown = look(events);
    let own = shown.drops.saturating_sub(strays);
    if shown.drops < 3 {
        also.clear();
        return "undetermined";
    }
    let mut truth = mechanism;
    if own < 3 || 2 * strays > shown.drops {
        *also = vec!["undetermined", mechanism];
        truth = "random";
    }
    if truth == "bursty" && shown.drops < 2 * shown.incidents {
        // The bad spells killed one session each, if any: for who watches that is loss at random times.
        also.push("bursty");
        truth = "random";
    }
    // A handful of drops without a shape proves neither.
    if (truth == "random" && shown.drops < 5) || (truth == "bursty" && shown.drops < 8) {
        also.push("undetermined");
    }
    // Who is silent until the ping, each time, shows neither a limit nor a survivor.
    if truth == "idle_timeout" && shown.is_one_age() {
        also.extend(["fixed_lifetime", "keep_alive_timeout"]);
    }
    // A rival that names itself is no riddle.
    if truth == "client_id_takeover" && shown.names_rival {
        also.clear();
    }
    if matches!(truth, "random") && shown.bare as f64 >= BARE * shown.drops as f64 && shown.bare >= 3 {
        also.push("keep_alive_timeout");
    }
    truth
}

fn look(events: &[Observed]) -> Shown {
    let mut shown = Shown { drops: 0, bare: 0, incidents: 0, ages: Vec::new(), names_rival: false };
    let (mut last, mut silent): (Option<Stamp>, bool) = (None, false);
    let mut began = None;
    for Observed { at, event } in events {
        match event {
            Event::Dropped(dropped) => {
                shown.drops += 1;
                shown.incidents += u64::from(last.is_none_or(|last| at.since(last) > INCIDENT));
                last = Some(*at);
                shown.ages.extend(began.take().map(|began| at.since(began)));
                shown.names_rival |= dropped.reason_code == Some(0x8E);
                silent = dropped.how == Some(How::PingTimeout);
            }
            Event::ConnectFailed(_) | Event::Disconnected { .. } => silent = false,
            Event::Connected(_) => {
                began = Some(*at);
                shown.bare += u64::from(std::mem::take(&mut silent));
            }
            _ => {}
        }
    }
    shown
}
