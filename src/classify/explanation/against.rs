//! The evidence against an answer, and the data that are missing.

use super::phrase::{count, length, rounded_count};
use crate::classify::Pattern;
use crate::classify::case::Frame;
use crate::classify::math::real;
use crate::classify::posterior::Posterior;

/// Drops needed before a pattern may be named, and for one that is not exact.
const MIN_DROPS: usize = 3;
const MIN_DROPS_INEXACT: usize = 8;

/// The sentences against the answer, the most significant first.
pub(in crate::classify) fn against(frame: &Frame, posterior: &Posterior) -> Vec<String> {
    let mut sentences = Vec::new();
    let Some(fit) = posterior.fits.get(&posterior.pattern).filter(|fit| fit.counts_hits) else {
        return sentences;
    };
    let explained = posterior.second.as_ref().map_or(0, |(_, second)| second.hits.len());
    let unexplained = frame.drops.len().saturating_sub(fit.hits.len() + explained);
    if unexplained > 0 {
        sentences.push(format!("{} not fit", count(unexplained, "drop does", "drops do")));
    }
    let missed_opportunities = (fit.opportunities - real(fit.hits.len())).round();
    let has_opportunities = !matches!(posterior.pattern, Pattern::Outage | Pattern::ClientIdTakeover);
    if has_opportunities && missed_opportunities >= 1.0 {
        let passed = rounded_count(missed_opportunities, "opportunity", "opportunities");
        sentences.push(format!("{passed} passed without a drop"));
    }
    sentences
}

/// The data that would raise the confidence; `None` when nothing is missing.
pub(in crate::classify) fn missing(frame: &Frame, posterior: &Posterior) -> Option<String> {
    let drops = frame.drops.len();
    if posterior.pattern == Pattern::Undetermined {
        return Some(needed_drops(frame, drops));
    }
    if frame.log.aggregated > frame.log.single {
        return Some(
            "single messages: they came too fast to be recorded one by one, so silences are not known".into(),
        );
    }
    let without_kind = frame
        .drops
        .iter()
        .filter(|drop| frame.session_ending(drop).is_none_or(|ending| ending.how.is_none()))
        .count();
    if without_kind > 0 {
        return Some(format!(
            "the close reason of {} was not recorded",
            count(without_kind, "drop", "drops")
        ));
    }
    if posterior.confidence < 0.9 && frame.log.probes == 0 {
        return Some("whether the network was up: no network probe runs beside the connection".into());
    }
    None
}

fn needed_drops(frame: &Frame, drops: usize) -> String {
    let needed = if drops < MIN_DROPS { MIN_DROPS } else { MIN_DROPS_INEXACT };
    let connected = length(frame.exposure);
    let seen = count(drops, "drop", "drops");
    if drops == 0 {
        return format!("no drop yet in {connected} connected; a pattern needs {MIN_DROPS}");
    }
    if drops >= needed {
        return format!("{seen} in {connected}, and none of the known mechanisms explains most of them");
    }
    let more = needed - drops;
    let pace = frame.exposure / real(drops);
    format!(
        "{seen} in {connected}; {more} more {} needed, at this rate in about {}",
        if more == 1 { "is" } else { "are" },
        length(pace * real(more))
    )
}
