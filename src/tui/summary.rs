//! The text for the clipboard: the run, or one drop, in a few plain lines to paste into a message.

use crate::classify::{ItemRole, Verdict, VerdictPage, describe_fit};
use crate::diagnostics::clean::clean;
use crate::diagnostics::{DropRecord, ErrorName, LinkState, Snapshot, Stamp, drop_description, words};

use super::format::{short, short_or_unknown, uptime};

/// Drops listed at most.
const MAX_LISTED_DROPS: usize = 10;

/// The whole run up to `now`, and why it drops. Times are UTC, so that they mean the same to whoever reads them.
pub(super) fn run_summary(snapshot: &Snapshot, verdict: Option<&Verdict>, now: Stamp) -> String {
    let metrics = &snapshot.metrics;
    let mut lines = Vec::new();
    if let Some(started) = &snapshot.started {
        let version = snapshot.mqtt_version.as_ref().map(|version| format!(", MQTT {version}"));
        let version = version.unwrap_or_default();
        lines.push(format!(
            "dropscope: {}{version}, keep-alive {} s",
            started.endpoint, snapshot.keep_alive_secs
        ));
    }
    lines.push(format!("watched {} until {}", uptime(now.since(snapshot.since)), utc(now)));
    lines.push(format!("now: {}", link_line(&snapshot.link, now)));
    let availability = words::availability(metrics).unwrap_or_else(|| "-".to_owned());
    lines.push(format!(
        "availability {availability}, drops {}, mean time between drops {}, mean time to recover {}",
        metrics.total_connection_drops,
        short_or_unknown(metrics.mtbf().filter(|_| metrics.total_connection_drops > 0)),
        short_or_unknown(metrics.mttr),
    ));
    for (name, count) in metrics.connection_drops_by_error.iter() {
        lines.push(format!("  {count} x {name}"));
    }
    if let Some(verdict) = verdict {
        let page = VerdictPage::new(verdict);
        lines.extend(page.all(ItemRole::Now).map(|now| format!("now: {}", now.text)));
        lines.push(format!("why: {}", verdict.sentence()));
        let changes = page.all(ItemRole::Calm).chain(page.all(ItemRole::Cured));
        lines.extend(changes.map(|change| change.text.clone()));
        lines.extend(page.all(ItemRole::NextStep).map(|step| format!("next step: {}", step.text)));
    }
    if !snapshot.drops.is_empty() {
        lines.push("last drops, newest first:".to_owned());
        lines.extend(
            snapshot.drops.iter().rev().take(MAX_LISTED_DROPS).map(|drop| format!("  {}", drop_line(drop))),
        );
    }
    join_sanitized(&lines)
}

/// One drop: its error, then what happened in sentences, and whether it fits the verdict.
pub(super) fn drop_summary(drop: &DropRecord, verdict: Option<&Verdict>) -> String {
    let event = &drop.event;
    let mut lines = vec![format!("dropscope: drop {} at {}", drop.number, utc(drop.at))];
    lines.extend(event.error_message.clone().or_else(|| event.error_name.clone()));
    lines.push(format!("keep-alive {} s, layer {}", drop.keep_alive_secs, words::layer(event.layer)));
    lines.extend(drop_description::drop_sentences(drop, &utc(drop.at)));
    lines.extend(verdict.and_then(|verdict| describe_fit(verdict, drop)));
    join_sanitized(&lines)
}

fn drop_line(drop: &DropRecord) -> String {
    let name = drop.event.error_name.as_deref().map_or("unknown error", ErrorName::short);
    let back =
        drop.recovery.as_ref().map_or_else(|| "not back".to_owned(), |r| format!("back {}", short(r.took)));
    let age = short_or_unknown(drop.session_age);
    format!("{}  {name}  after {age}  silent {}  {back}", utc(drop.at), short_or_unknown(drop.idle_in))
}

fn link_line(link: &LinkState, now: Stamp) -> String {
    let duration = |since: Stamp| -> String { uptime(now.since(since)) };
    match link {
        LinkState::Idle => "not connected yet".to_owned(),
        LinkState::Connecting { since, failures } => {
            format!("connecting for {}, {failures} failed attempts", duration(*since))
        }
        LinkState::Connected { since } => format!("connected for {}", duration(*since)),
        LinkState::Down { since, failures } => {
            format!("down for {}, {failures} failed attempts", duration(*since))
        }
        LinkState::Off { since, .. } => format!("off on purpose for {}", duration(*since)),
    }
}

fn utc(at: Stamp) -> String {
    at.wall.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// One text, without anything that would act on the terminal it is pasted into.
fn join_sanitized(lines: &[String]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| clean(line)).collect();
    lines.join("\n") + "\n"
}
