//! Which answers a careful reader of the recording could give, from what the simulation knows of each drop.

use super::simulation::{Trace, TrueDrop};
use super::site::{HOUR, Site, Style};

/// What a kind says about its worlds beyond the causes of the drops.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectation {
    /// Answers that are always as right as the truth.
    pub(super) also: Vec<&'static str>,
    /// The truth, whatever the counts of drops; where the drops state their cause or where nothing can be known.
    pub(super) fixed: Option<&'static str>,
    /// One cause of a mixture, and the other.
    pub(super) first: Option<&'static str>,
    pub(super) second: Option<&'static str>,
    pub(super) parameter: Option<(&'static str, f64)>,
    pub(super) cured: bool,
    pub(super) now: Option<&'static str>,
    /// Only the drops since this time count: the present regime.
    pub(super) since: Option<f64>,
    /// Fewest drops of a cause; other recordings are drawn again.
    pub(super) least: Vec<(&'static str, usize)>,
    /// With fewer drops of the truth a careful reader may as well not decide.
    pub(super) unsure_below: usize,
    /// When the configuration was changed: as many drops as four times the mean distance must be missing since.
    pub(super) changed: Option<f64>,
    /// Bounds of the share of the drops by `second`.
    pub(super) second_share: Option<(f64, f64)>,
}

#[derive(Debug)]
pub(super) struct Label {
    pub(super) truth: &'static str,
    pub(super) also: Vec<&'static str>,
}

/// Drops of one cause below which a careful reader does not name it.
const FEWEST: usize = 3;

fn count(drops: &[&TrueDrop], cause: &str) -> usize {
    drops.iter().filter(|drop| drop.cause == cause).count()
}

#[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

/// Whether the recording has the drops that the kind requires.
pub(super) fn is_usable(trace: &Trace, expected: &Expectation) -> bool {
    let drops: Vec<_> = trace.drops.iter().collect();
    let enough = expected.least.iter().all(|(cause, least)| count(&drops, cause) >= *least);
    let second = expected.second.map_or(0.0, |cause| share(count(&drops, cause), drops.len()));
    let is_calm = expected.changed.is_none_or(|changed| {
        let before = drops.iter().filter(|drop| drop.died < changed).count();
        trace.end - changed >= 4.0 * changed / share(before.max(1), 1)
    });
    enough && is_calm && expected.second_share.is_none_or(|(low, high)| (low..=high).contains(&second))
}

/// The causes with their drops, most frequent first.
fn ranked(drops: &[&TrueDrop]) -> Vec<(&'static str, usize)> {
    let mut causes: Vec<(&'static str, usize)> = Vec::new();
    for drop in drops {
        match causes.iter_mut().find(|(cause, _)| *cause == drop.cause) {
            Some((_, count)) => *count += 1,
            None => causes.push((drop.cause, 1)),
        }
    }
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    causes
}

pub(super) fn label(site: &Site, trace: &Trace, expected: &Expectation) -> Label {
    let mut also = expected.also.clone();
    if let Some(truth) = expected.fixed {
        return Label { truth, also };
    }
    let all: Vec<_> = trace.drops.iter().collect();
    let since = expected.since.unwrap_or(f64::NEG_INFINITY);
    let current: Vec<_> = all.iter().copied().filter(|drop| drop.at >= since).collect();
    let earlier: Vec<_> = all.iter().copied().filter(|drop| drop.at < since).collect();
    let mut truth = main_cause(&current, expected, &mut also);
    if expected.since.is_some() && current.len() < 4 {
        also.extend(ranked(&earlier).first().filter(|(_, count)| *count >= FEWEST).map(|(cause, _)| *cause));
        if current.len() < FEWEST {
            also.push(truth);
            truth = "undetermined";
        }
    }
    for cause in [truth].into_iter().chain(also.clone()) {
        let of: Vec<_> = current.iter().copied().filter(|drop| drop.cause == cause).collect();
        if !of.is_empty() {
            also.extend(look_alikes(site, trace, cause, &of));
        }
    }
    also.sort_unstable();
    also.dedup();
    also.retain(|answer| *answer != truth);
    Label { truth, also }
}

/// The cause of most drops, and others that are as right because there are few drops.
fn main_cause(drops: &[&TrueDrop], expected: &Expectation, also: &mut Vec<&'static str>) -> &'static str {
    let ranked = ranked(drops);
    let Some((first, _)) = ranked.first().copied() else { return "undetermined" };
    // Of a mixture with random losses the other cause is the answer even where it made fewer drops.
    let specific = ranked
        .iter()
        .find(|(cause, count)| *cause != "random" && *count >= FEWEST && share(*count, drops.len()) >= 0.2);
    let main = specific.map_or(first, |(cause, _)| *cause);
    let hits = count(drops, main);
    let stated = drops.iter().filter(|drop| drop.cause == main && drop.stated).count();
    for (cause, drops_of) in &ranked {
        let needed = if *cause == "random" { 0.5 } else { 0.3 };
        if *cause != main && *drops_of >= FEWEST && share(*drops_of, drops.len()) >= needed {
            also.push(cause);
        }
    }
    if main == "random" || main == "bursty" {
        return shapeless(main, drops, also);
    }
    if stated >= 2 {
        return main;
    }
    if hits < FEWEST {
        also.push(main);
        return "undetermined";
    }
    let is_minority = hits < 6 && share(hits, drops.len()) < 0.6;
    if hits == FEWEST || hits < expected.unsure_below || is_minority {
        also.push("undetermined");
    }
    main
}

/// Random losses and bursts need many drops to be recognized.
fn shapeless(main: &'static str, drops: &[&TrueDrop], also: &mut Vec<&'static str>) -> &'static str {
    if main == "bursty" {
        let mut bursts = 0_usize;
        let mut last = f64::NEG_INFINITY;
        let gaps: Vec<_> = drops.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        let long = gaps.iter().copied().fold(0.0, f64::max) / 8.0;
        for drop in drops {
            bursts += usize::from(drop.at - last > long);
            last = drop.at;
        }
        if bursts < 3 || drops.len() < 3 * bursts || drops.len() < 10 {
            also.extend(["random", "undetermined"]);
        }
        return main;
    }
    match drops.len() {
        0..5 => {
            also.push(main);
            "undetermined"
        }
        5..9 => {
            also.push("undetermined");
            main
        }
        _ => main,
    }
}

/// Standard deviation around the mean, and the mean.
fn spread(values: &[f64]) -> (f64, f64) {
    let n = share(values.len(), 1);
    let mean = values.iter().sum::<f64>() / n;
    ((values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt(), mean)
}

/// Whether at least nine of ten values are within 3 % and `tolerance` of their median.
fn coincide(values: &[f64], tolerance: f64) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(median) = sorted.get(sorted.len() / 2).copied() else { return false };
    let near = values.iter().filter(|value| (*value - median).abs() <= 0.03 * median + tolerance).count();
    10 * near >= 9 * values.len()
}

/// Other causes that leave the same traces in this recording.
fn look_alikes(site: &Site, trace: &Trace, cause: &str, drops: &[&TrueDrop]) -> Vec<&'static str> {
    let ages: Vec<_> = drops.iter().map(|drop| drop.at - drop.connected).collect();
    let is_bare = site.style != Style::Full;
    let tolerance = if is_bare { 1.0 } else { 0.1 };
    let coincide = |values: &[f64]| coincide(values, tolerance);
    let mut also = Vec::new();
    match cause {
        "idle_timeout" => {
            // A session that outlived the common age shows that the age is no limit.
            let (_, mean) = spread(&ages);
            let proven = trace.drops.iter().map(|drop| drop.proven).chain(trace.unfinished.iter().copied());
            let outlived = proven.fold(0.0, f64::max) > 1.3 * mean;
            if coincide(&ages) && !outlived {
                also.push("fixed_lifetime");
            }
        }
        "fixed_lifetime" => {
            let (_, age) = spread(&ages);
            let silences: Vec<_> = drops.iter().map(|drop| drop.silence).collect();
            let survived = trace.survived.iter().copied().fold(0.0, f64::max);
            let (_, silence) = spread(&silences);
            if is_bare && age <= 1.5 * site.client.keep_alive + 2.0 {
                also.push("idle_timeout");
            }
            if !is_bare && coincide(&silences) && silence > 5.0 && survived < 0.97 * silence {
                also.push("idle_timeout");
            }
            if drops.len() < 5 {
                also.push("scheduled");
            }
        }
        "scheduled" => {
            let later = &ages[1.min(ages.len() - 1)..];
            // A limit of the age makes regular gaps as well; its errors add up, those of a schedule do not. The
            // more regular the time to reconnect, the more drops that takes to see.
            let gaps: Vec<_> = drops.windows(2).map(|pair| pair[1].died - pair[0].died).collect();
            let (of_gaps, gap) = spread(&gaps);
            let (of_ages, _) = spread(later);
            let is_alike = gap < 2.0 * HOUR && of_ages < 1.5 * of_gaps + 0.05;
            if coincide(later) && drops.len() < if is_alike { 12 } else { 5 } {
                also.push("fixed_lifetime");
            }
        }
        "client_id_takeover" if !drops.iter().any(|drop| drop.stated) => {
            let (deviation, mean) = spread(&ages);
            if coincide(&ages) || deviation < 0.15 * mean {
                also.push("fixed_lifetime");
            }
            if drops.len() < 6 {
                also.push("undetermined");
            }
            if is_bare {
                also.extend(["random", "undetermined"]);
            }
        }
        "credential_expiry" if coincide(&ages) && drops.len() < 6 => also.push("fixed_lifetime"),
        // A broker that gives up a client that does not run has missed its keep-alive.
        "system_event" if !site.pauses.is_empty() => also.push("keep_alive_timeout"),
        "credential_expiry" if is_bare => also.extend(["fixed_lifetime", "scheduled"]),
        _ => {}
    }
    also
}
