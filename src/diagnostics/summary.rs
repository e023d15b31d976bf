//! The summary of a run: one page of plain text.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::clean::clean;
use super::sentence::duration_words;
use super::{Metrics, Snapshot, words};

/// The summary of a snapshot; `Display` prints it as short lines without control
/// characters, each ended by a line feed.
///
/// ```
/// use dropscope::diagnostics::{Diagnostics, Stamp, summary::Summary};
///
/// let now = Stamp::new("2026-08-03T12:00:00Z".parse()?, std::time::Duration::ZERO);
/// let text = Summary(&Diagnostics::new(1000).snapshot(now)).to_string();
/// assert!(text.contains("Drops                 0"));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a>(pub &'a Snapshot);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = &self.0.metrics;
        period(self.0, f)?;
        totals(f, metrics)?;
        sessions(f, metrics)?;
        limits(self.0, f)?;
        messages(self.0, f)?;
        by_count(f, "Drops by error", &metrics.connection_drops_by_error)?;
        by_count(f, "Failed connects by error", &metrics.failures_by_error)?;
        recoveries(f, metrics)
    }
}

fn period(snapshot: &Snapshot, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (from, to) = (snapshot.since.wall, snapshot.at.wall);
    let period = format!("{} to {} UTC", from.format("%Y-%m-%d %H:%M:%S"), to.format("%Y-%m-%d %H:%M:%S"));
    line(f, "Watched", period)?;
    line(f, "Duration", duration_words(snapshot.metrics.observed))
}

fn messages(snapshot: &Snapshot, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let metrics = &snapshot.metrics;
    let counts = format!(
        "{} received, {} published, {} queued",
        metrics.messages_received, metrics.messages_published, metrics.messages_queued
    );
    line(f, "Messages", counts)?;
    let ping = &snapshot.ping;
    match (ping.p50_ms, ping.p99_ms, ping.max_ms) {
        (Some(p50), Some(p99), Some(max)) => line(
            f,
            "Ping",
            format!("median {p50:.1} ms, 99 % below {p99:.1} ms, max {max:.1} ms ({})", ping.count),
        ),
        _ => Ok(()),
    }
}

fn totals(f: &mut fmt::Formatter<'_>, metrics: &Metrics) -> fmt::Result {
    line(f, "Drops", metrics.total_connection_drops)?;
    line(f, "Recovered", metrics.connection_recovered)?;
    line(f, "Connections", metrics.total_connections)?;
    line(f, "Requested disconnects", metrics.total_disconnects)?;
    line(f, "Reconnect attempts", metrics.total_reconnect_attempts)?;
    line(f, "Failed connects", metrics.connect_failures)?;
    if let Some(availability) = words::availability(metrics) {
        line(f, "Availability", availability)?;
    }
    if let Some(mtbf) = metrics.mtbf() {
        line(f, "Mean time to a drop", duration_words(mtbf))?;
    }
    if let Some(mean) = words::recovery(metrics) {
        line(f, "Mean time to recover", mean)?;
    }
    Ok(())
}

fn sessions(f: &mut fmt::Formatter<'_>, metrics: &Metrics) -> fmt::Result {
    line(f, "Current uptime", duration_words(metrics.current_session_uptime))?;
    let lengths = [
        ("Longest session", metrics.longest_with_running()),
        ("Shortest session", metrics.shortest_session),
        ("Average session", metrics.average_with_running()),
        ("Median session", metrics.session_percentiles.map(|points| points.p50)),
    ];
    lengths.into_iter().try_for_each(|(label, length)| match length {
        Some(length) => line(f, label, duration_words(length)),
        None => Ok(()),
    })
}

/// Known limits of the session: credentials and AWS's WebSocket limit.
fn limits(snapshot: &Snapshot, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(expiry) = snapshot.credentials_expire_at {
        match expiry.signed_duration_since(snapshot.at.wall).to_std() {
            Ok(left) => line(f, "Credentials", format!("expire in {}", duration_words(left)))?,
            Err(_) => line(f, "Credentials", "have expired")?,
        }
    }
    match snapshot.websocket_time_left(snapshot.at) {
        Some(left) => line(f, "WebSocket", format!("{} left of AWS's 24 h", duration_words(left))),
        None => Ok(()),
    }
}

/// Names and counts, the most frequent first.
fn by_count(f: &mut fmt::Formatter<'_>, title: &str, counts: &BTreeMap<String, u64>) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    writeln!(f, "{title}:")?;
    sorted.iter().try_for_each(|(name, count)| {
        let name: String = clean(name).chars().take(64).collect();
        writeln!(f, "  {count:>7}  {name}")
    })
}

fn recoveries(f: &mut fmt::Formatter<'_>, metrics: &Metrics) -> fmt::Result {
    let buckets = &metrics.reconnection_attempts_distribution;
    if buckets.is_empty() {
        return Ok(());
    }
    writeln!(f, "Recoveries by attempts needed:")?;
    Metrics::ATTEMPT_CLASSES.iter().filter_map(|name| Some((name, buckets.get(*name)?))).try_for_each(
        |(name, count)| {
            writeln!(f, "  {count:>7}  {name} {}", if *name == "1" { "attempt" } else { "attempts" })
        },
    )
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, value: impl Display) -> fmt::Result {
    writeln!(f, "{label:<21} {value}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::diagnostics::{Diagnostics, Percentiles, Stamp};

    fn snapshot() -> Snapshot {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        Diagnostics::new(10).snapshot(at)
    }

    #[test]
    fn errors_come_sorted_and_harmless_with_median_beside_mean() {
        let mut snapshot = snapshot();
        let counts = [("b", 2), ("a", 2), ("c\u{1b}[2J", 7)].map(|(name, count)| (name.to_owned(), count));
        let secs = Duration::from_secs;
        snapshot.metrics = Metrics {
            connection_drops_by_error: Arc::new(BTreeMap::from(counts)),
            reconnection_attempts_distribution: Arc::new(BTreeMap::from([("11+", 1), ("1", 9), ("2-5", 3)])),
            average_session: Some(secs(100)),
            session_percentiles: Some(Percentiles {
                count: 3,
                min: secs(1),
                p10: secs(1),
                p50: secs(42),
                p90: secs(50),
                p99: secs(50),
                max: secs(50),
            }),
            ..Metrics::default()
        };
        let text = Summary(&snapshot).to_string();
        assert!(text.contains("Average session       1 min 40 s\nMedian session        42 s\n"), "{text}");
        assert!(text.contains("        7  c\u{fffd}[2J\n        2  a\n        2  b\n"), "{text}");
        assert!(
            text.ends_with("        9  1 attempt\n        3  2-5 attempts\n        1  11+ attempts\n"),
            "{text}"
        );
        assert!(!text.contains("Shortest"));
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }
}
