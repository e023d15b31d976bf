//! Phrases that several sentences share.

use std::time::Duration;

use crate::classify::case::Frame;
use crate::classify::drops::DeathWindow;
use crate::classify::hypothesis::Fit;
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::{clean, words};

/// A length in plain words; whole seconds from 10 s to 10 min, because they are compared with keep-alives.
pub(in crate::classify) fn length(secs: f64) -> String {
    let duration = Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or(Duration::MAX);
    if (10.0..600.0).contains(&secs) { format!("{secs:.0} s") } else { duration_words(duration) }
}

/// A tolerance: `± 1 s`, never finer than a tenth of a second.
pub(super) fn tolerance(secs: f64) -> String {
    if secs < 0.95 { format!("± {:.1} s", secs.max(0.1)) } else { format!("± {}", length(secs.ceil())) }
}

/// `all 9 drops`, `7 of 9 drops`.
pub(super) fn share_of_drops(hits: usize, all: usize) -> String {
    match (hits, all) {
        (1, 1) => "the only drop".into(),
        (hits, all) if hits == all => format!("all {all} drops"),
        (hits, all) => format!("{hits} of {all} drops"),
    }
}

/// `1 session`, `3 sessions`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    words::count(u64::try_from(number).unwrap_or(u64::MAX), one, many)
}

/// Text from outside, cleaned and in quotation marks.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", clean::clean(text))
}

/// The drops that a fit explains.
pub(super) fn hits<'a>(frame: &'a Frame, fit: &'a Fit) -> impl Iterator<Item = &'a DeathWindow> + 'a {
    fit.hits.iter().filter_map(|index| frame.drops.get(*index))
}

/// Least and most of some values; `None` without any.
pub(super) fn min_max(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((least, most)) => Some((value.min(least), value.max(most))),
    })
}

/// A rounded number with its noun: `1 session`, `3 sessions`.
pub(super) fn rounded_count(number: f64, one: &str, many: &str) -> String {
    let text = whole_number(number);
    if text == "1" { format!("1 {one}") } else { format!("{text} {many}") }
}

/// A whole number for people.
pub(super) fn whole_number(value: f64) -> String {
    format!("{:.0}", value.max(0.0))
}
