//! The part of the recording format that a recording uses.

use dropscope::diagnostics::{Event, StampedEvent};

use crate::verdicts::case::Case;

/// The fields of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rendering {
    /// All details of an end.
    Full,
    /// Mandatory fields only.
    Minimal,
}

/// The rendering of a recording, inferred from its drops.
pub(crate) fn rendering(events: &[StampedEvent]) -> Rendering {
    let is_link_detail = |observed: &StampedEvent| match &observed.event {
        Event::Dropped(dropped) => dropped.how.is_some() || dropped.last_rx_secs.is_some(),
        Event::Attempt(_) => true,
        _ => false,
    };
    if events.iter().any(is_link_detail) { Rendering::Full } else { Rendering::Minimal }
}

/// A line as a recorder without a boot clock would have written it.
pub(crate) fn without_boot_clock(line: &str) -> String {
    let Some((before, rest)) = line.split_once(",\"m\":") else { return line.to_owned() };
    let after = rest.find(',').map_or("}", |comma| &rest[comma..]);
    format!("{before}{after}")
}

/// The case as its recorder would have written it.
pub(crate) fn file(case: &Case) -> String {
    let text = case.recording();
    match rendering(&case.events) {
        Rendering::Full => text,
        Rendering::Minimal => text.lines().map(|line| without_boot_clock(line) + "\n").collect(),
    }
}
