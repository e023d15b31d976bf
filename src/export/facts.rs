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
        ("Connect attempts that failed", metrics.connect_failures),
        ("Suspends of this computer", metrics.suspends),
        ("Steps of the wall clock", metrics.clock_steps),
        ("Subscriptions refused by the broker", metrics.refused_subscriptions),
    ];
    facts.extend(
        counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what}: {count}.")),
    );
    facts
}

/// "5 of 7 drops: the peer closed the TCP stream (fin)."
fn endings(by_how: &BTreeMap<Option<How>, u64>, total: u64) -> Vec<String> {
    let mut endings: Vec<_> = by_how.iter().collect();
    endings.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let share =
        |count: u64| if total == 1 { "The drop".to_owned() } else { format!("{count} of {total} drops") };
    endings.iter().map(|(how, count)| format!("{}: {}.", share(**count), in_words(**how))).collect()
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
        format!("At one drop {what} {min:.1} s.")
    } else {
        format!("At {known} drops {what} {min:.1} s to {max:.1} s.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::event::{Dropped, Event, SystemSource};
    use crate::diagnostics::{Diagnostics, Stamp};

    fn drop_after(silence: f64) -> Event {
        Event::Dropped(Dropped {
            error_name: None,
            error_message: None,
            error_code: None,
            reconnect_attempt: 0,
            active_subscriptions: 0,
            queued_commands: 0,
            layer: None,
            how: (silence > 288.0).then_some(How::Fin),
            reason_code: None,
            ws_close_code: None,
            last_rx_secs: Some(silence),
            last_tx_secs: None,
            packets: Vec::new(),
        })
    }

    #[test]
    fn facts_are_ranges_and_counts_that_hold_as_they_stand() {
        let mut at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut diagnostics = Diagnostics::new(10);
        assert!(facts(&diagnostics.snapshot(at)).is_empty());
        for silence in [291.2, 285.14, 288.4] {
            at = at.plus(Duration::from_secs(3600));
            diagnostics.apply(at, &drop_after(silence));
        }
        diagnostics.apply(at, &Event::System { source: SystemSource::Power, message: "slept".to_owned() });
        assert_eq!(
            facts(&diagnostics.snapshot(at)),
            [
                "2 of 3 drops: the peer closed the TCP stream (FIN).",
                "1 of 3 drops: how the session ended was not recorded.",
                "At 3 drops nothing had been received for 285.1 s to 291.2 s.",
                "Suspends of this computer: 1.",
            ]
        );
    }
}
