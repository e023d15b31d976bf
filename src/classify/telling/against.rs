//! What speaks against an answer, and what is missing to be surer?

use super::phrase::{count, length, whole};
use crate::classify::Pattern;
use crate::classify::case::Frame;
use crate::classify::math::real;
use crate::classify::posterior::Weighed;

/// Drops needed before a pattern may be named, and for one that is not exact.
const AT_LEAST: usize = 3;
const ENOUGH: usize = 8;

/// The sentences against the answer, the weightiest first.
pub(in crate::classify) fn against(frame: &Frame, weighed: &Weighed) -> Vec<String> {
    let mut sentences = Vec::new();
    let Some(fit) = weighed.fits.get(&weighed.pattern).filter(|fit| fit.counts_hits) else {
        return sentences;
    };
    let explained = weighed.second.as_ref().map_or(0, |(_, second)| second.hits.len());
    let left = frame.drops.len().saturating_sub(fit.hits.len() + explained);
    if left > 0 {
        sentences.push(format!("{} not fit", count(left, "drop does", "drops do")));
    }
    let spared = (fit.opportunities - real(fit.hits.len())).round();
    let names_chances = !matches!(weighed.pattern, Pattern::Outage | Pattern::ClientIdTakeover);
    if names_chances && spared >= 1.0 {
        let times = if spared < 1.5 { "once".into() } else { format!("{} times", whole(spared)) };
        sentences.push(format!("{times} it could have struck and did not"));
    }
    sentences
}

/// What would make the answer surer; `None` when nothing is wanting.
pub(in crate::classify) fn missing(frame: &Frame, weighed: &Weighed) -> Option<String> {
    let drops = frame.drops.len();
    if weighed.pattern == Pattern::Undetermined {
        return Some(more_drops(frame, drops));
    }
    if frame.log.aggregated > frame.log.single {
        return Some(
            "single messages: they came too fast to be recorded one by one, so silences cannot be judged"
                .into(),
        );
    }
    let untold = frame
        .drops
        .iter()
        .filter(|drop| frame.ending(drop).is_none_or(|ending| ending.how.is_none()))
        .count();
    if untold > 0 {
        return Some(format!("how {} ended was not recorded", count(untold, "drop", "drops")));
    }
    if weighed.confidence < 0.9 && frame.log.probes == 0 {
        return Some("whether the network was up: nothing is probed beside the connection".into());
    }
    None
}

fn more_drops(frame: &Frame, drops: usize) -> String {
    let wanted = if drops < AT_LEAST { AT_LEAST } else { ENOUGH };
    let watched = length(frame.exposure);
    let seen = count(drops, "drop", "drops");
    if drops == 0 {
        return format!("no drop yet in {watched} connected; a pattern needs {AT_LEAST}");
    }
    if drops >= wanted {
        return format!("{seen} in {watched}, and none of the known mechanisms explains most of them");
    }
    let more = wanted - drops;
    let pace = frame.exposure / real(drops);
    format!(
        "{seen} in {watched}; {more} more are needed, at this pace in about {}",
        length(pace * real(more))
    )
}
