//! What made the drops of a recording, as far as an honest observer could tell?

use std::collections::BTreeMap;

use super::world::Line;

#[derive(Debug)]
pub(super) struct Label {
    pub(super) truth: &'static str,
    pub(super) also: Vec<&'static str>,
}

/// A mechanism needs this many drops to be named at all.
const FEWEST: usize = 3;

/// From how many per cent of the drops on a second cause is as right an answer as the first: contamination
/// is none, unless it makes nearly half.
fn half(cause: &str) -> usize {
    if cause == "random" { 45 } else { 30 }
}

pub(super) fn label(lines: &[Line]) -> Label {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for cause in lines.iter().filter_map(|line| line.cause) {
        *counts.entry(cause).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let Some((main, hits)) = ranked.first().copied().filter(|_| total >= FEWEST) else {
        return Label { truth: "undetermined", also: Vec::new() };
    };
    let mut also: Vec<_> = ranked
        .iter()
        .skip(1)
        .filter(|(cause, count)| *count >= FEWEST && 100 * *count >= total * half(cause))
        .map(|(cause, _)| *cause)
        .collect();
    if hits < FEWEST || (main == "random" && total < 5) {
        also.push(main);
        return Label { truth: "undetermined", also };
    }
    if matches!(main, "random" | "bursty") && total < 8 {
        also.push("undetermined");
    }
    if main == "bursty" && total < 8 {
        also.push("random");
    }
    Label { truth: main, also }
}
