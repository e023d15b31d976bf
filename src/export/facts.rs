//! What do the numbers say, before any inference?
//!
//! Plain statements that hold as they stand; what they mean is left to the reader and to the inference.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostics::event::How;
use crate::diagnostics::{Drop, Snapshot};

/// Statements about the drops of a snapshot, the most telling first.
pub(super) fn facts(snapshot: &Snapshot) -> Vec<String> {
    let metrics = &snapshot.metrics;
    let drops: Vec<&Drop> = snapshot.drops.iter().map(AsRef::as_ref).collect();
    let mut facts = Vec::new();
    facts.extend(endings(&metrics.drops_by_how, metrics.total_connection_drops));
    facts.extend(range(&drops, |drop| drop.idle_in, "nothing had been received for"));
    facts.extend(range(&drops, |drop| drop.idle_out, "nothing had been sent for"));
    facts.extend(range(&drops, |drop| drop.session_age, "the session had been alive for"));
    let counts = [
        (metrics.connect_failures, "connect attempts failed"),
        (metrics.suspends, "times the computer slept"),
        (metrics.clock_steps, "times the wall clock was stepped"),
        (metrics.refused_subscriptions, "subscriptions were refused by the broker"),
    ];
    facts.extend(
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}.")),
    );
    facts
}

/// "5 of 7 drops: the peer closed the TCP stream (fin)."
fn endings(by_how: &BTreeMap<Option<How>, u64>, total: u64) -> Vec<String> {
    let mut endings: Vec<_> = by_how.iter().collect();
    endings.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    endings.iter().map(|(how, count)| format!("{count} of {total} drops: {}.", in_words(**how))).collect()
}

fn in_words(how: Option<How>) -> &'static str {
    match how {
        Some(How::Fin) => "the peer closed the TCP stream (FIN)",
        Some(How::Rst) => "the peer or the path reset the TCP stream (RST)",
        Some(How::TlsClose) => "the peer closed the TLS stream",
        Some(How::TlsAlert) => "a TLS alert ended the stream",
        Some(How::WsClose) => "the peer closed the WebSocket",
        Some(How::Disconnect) => "the broker sent DISCONNECT",
        Some(How::PingTimeout) => "no answer to a ping (PINGRESP missing)",
        Some(How::Io) => "reading or writing failed",
        Some(How::Local) => "this computer's own network ended it",
        None => "how the session ended was not recorded",
    }
}

/// "At the drops nothing had been received for 285.1 s to 291.0 s (7 drops)."
fn range(drops: &[&Drop], value: impl Fn(&Drop) -> Option<Duration>, what: &str) -> Option<String> {
    let values: Vec<f64> =
        drops.iter().filter_map(|drop| value(drop)).map(|value| value.as_secs_f64()).collect();
    let (min, max) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
    let known = values.len();
    Some(if known == 1 {
        format!("At the one drop where it is known, {what} {min:.1} s.")
    } else {
        format!("At {known} drops {what} {min:.1} s to {max:.1} s.")
    })
}
