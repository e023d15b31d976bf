//! The Markdown report of an export, for maintainers, internet providers and cloud support.
//!
//! Made from the export and not from the snapshot, so that what is redacted there is redacted here.

mod verdict;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::time::Duration;

use chrono::DateTime;

use super::schema::{DropDetails, Export, Extension, SecondsPercentiles};
use crate::diagnostics::clean::clean;
use crate::diagnostics::event::DropKind;
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::words;

/// The report of an export in GitHub's Markdown, ending in a line feed.
pub fn report(export: &Export) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut text, export);
    text
}

fn write_report(out: &mut String, export: &Export) -> fmt::Result {
    writeln!(out, "# MQTT connection report\n")?;
    writeln!(
        out,
        "State of {}, reported by dropscope. Times are UTC.\n",
        EscapedMarkdown(&timestamp_text(&export.timestamp))
    )?;
    summary(out, export)?;
    if let Some(extension) = &export.dropscope {
        verdict::write(out, extension)?;
        facts(out, extension)?;
    }
    drops(out, export)?;
    counts(out, "Drops by error", "Error", &export.metrics.connection_drops_by_error)?;
    if let Some(extension) = &export.dropscope {
        counts(out, "Failed connects by error", "Error", &extension.connect_failures.by_error)?;
        sessions(out, extension)?;
        latency(out, extension)?;
        arms(out, extension)?;
        last_drop(out, extension)?;
        marks(out, extension)?;
        environment(out, extension)?;
    }
    Ok(())
}

fn summary(out: &mut String, export: &Export) -> fmt::Result {
    let metrics = &export.metrics;
    let mut rows = Vec::new();
    if let Some(extension) = &export.dropscope {
        let period = &extension.period;
        rows.push((
            "Watched",
            format!(
                "{} to {} ({})",
                timestamp_text(&period.start),
                timestamp_text(&period.end),
                duration_text(period.observed_secs)
            ),
        ));
        rows.push(("Availability", or_unknown(availability_text(extension))));
        rows.push(("Mean time to a drop", or_unknown(extension.mtbf_secs.map(duration_text))));
        rows.push(("Mean time to recover", or_unknown(recovery_text(extension))));
    }
    rows.push(("Drops", metrics.total_connection_drops.to_string()));
    rows.push(("Recovered", metrics.connection_recovered.to_string()));
    rows.push(("Reconnect attempts", metrics.total_reconnect_attempts.to_string()));
    rows.push(("Requested disconnects", metrics.total_disconnects.to_string()));
    rows.push(("Longest session", duration_text(metrics.longest_session_seconds)));
    rows.push(("Average session", duration_text(metrics.average_session_seconds)));
    rows.push(("Current uptime", duration_text(metrics.current_session_uptime_seconds)));
    rows.push((
        "Messages",
        format!("{} published, {} queued", metrics.messages_published, metrics.messages_queued),
    ));
    table(out, "Summary", &["", ""], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

fn recovery_text(extension: &Extension) -> Option<String> {
    let mean = extension.mttr_secs.map(duration_text)?;
    let waiting = extension.own_waiting_share.filter(|share| *share >= 0.5);
    Some(match waiting {
        Some(share) => format!("{mean}, {:.0} % of it own waiting between attempts", 100.0 * share),
        None => mean,
    })
}

fn availability_text(extension: &Extension) -> Option<String> {
    let most = extension.availability?;
    Some(words::availability_range(extension.availability_proven.unwrap_or(most), most))
}

fn facts(out: &mut String, extension: &Extension) -> fmt::Result {
    writeln!(out, "## What is known\n")?;
    if extension.evidence.facts.is_empty() {
        writeln!(out, "Nothing that bears on a cause yet.")?;
    }
    for fact in &extension.evidence.facts {
        writeln!(out, "- {}", EscapedMarkdown(fact))?;
    }
    for missing in &extension.evidence.missing {
        writeln!(out, "- Missing: {}", EscapedMarkdown(missing))?;
    }
    writeln!(out)
}

fn drops(out: &mut String, export: &Export) -> fmt::Result {
    let details: &[DropDetails] = export.dropscope.as_ref().map_or(&[], |extension| &extension.drops);
    let header = ["Time", "Error", "Closed by", "After", "Silent in", "Silent out", "Back after"];
    let rows = export.recent_drops.iter().enumerate().map(|(index, drop)| {
        let detail = details.get(index);
        let name = drop.error_name.as_deref().or(drop.error_message.as_deref()).unwrap_or("unknown");
        let closed_by = detail.and_then(|detail| detail.how.as_deref()).map(drop_kind_text);
        vec![
            timestamp_text(&drop.timestamp),
            name.to_owned(),
            or_unknown(closed_by),
            or_unknown(drop.duration_connected_seconds.map(duration_text)),
            or_unknown(detail.and_then(|detail| detail.idle_in_secs).map(duration_text)),
            or_unknown(detail.and_then(|detail| detail.idle_out_secs).map(duration_text)),
            or_unknown(
                detail.and_then(|detail| detail.recovery.as_ref()).map(|back| duration_text(back.took_secs)),
            ),
        ]
    });
    table(out, "Drops (the last 50)", &header, rows)
}

fn counts(out: &mut String, title: &str, what: &str, counts: &BTreeMap<String, u64>) -> fmt::Result {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    table(
        out,
        title,
        &[what, "Count"],
        sorted.iter().map(|(name, count)| vec![(*name).clone(), count.to_string()]),
    )
}

fn sessions(out: &mut String, extension: &Extension) -> fmt::Result {
    let row = |name: &str, points: &Option<SecondsPercentiles>| {
        points.as_ref().map(|points| {
            let values = [points.min, points.p10, points.p50, points.p90, points.p99, points.max];
            let mut row = vec![name.to_owned(), points.count.to_string()];
            row.extend(values.map(duration_text));
            row
        })
    };
    let rows =
        [row("Session", &extension.session_percentiles), row("Outage", &extension.recovery_percentiles)];
    let header = ["", "Count", "Shortest", "10 %", "Median", "90 %", "99 %", "Longest"];
    table(out, "Sessions and outages", &header, rows.into_iter().flatten())
}

fn latency(out: &mut String, extension: &Extension) -> fmt::Result {
    let latency = &extension.latency;
    let ms = |value: Option<f64>| or_unknown(value.map(|value| format!("{value:.1} ms")));
    let row = vec![
        latency.count.to_string(),
        ms(latency.p50_ms),
        ms(latency.p95_ms),
        ms(latency.p99_ms),
        ms(latency.max_ms),
    ];
    let rows = (latency.count > 0).then_some(row).into_iter();
    table(out, "Ping round trips", &["Pings", "Median", "95 %", "99 %", "Longest"], rows)
}

fn arms(out: &mut String, extension: &Extension) -> fmt::Result {
    let rows = extension.keep_alive_arms.iter().map(|arm| {
        vec![
            format!("{} s", arm.keep_alive_secs),
            duration_text(arm.connected_secs),
            arm.sessions.to_string(),
            arm.drops.to_string(),
        ]
    });
    table(out, "Keep-alive values tried", &["Keep-alive", "Connected", "Sessions", "Drops"], rows)
}

fn last_drop(out: &mut String, extension: &Extension) -> fmt::Result {
    let Some(drop) = extension.drops.last() else { return Ok(()) };
    let rows = drop.last_packets.iter().map(|packet| {
        vec![
            or_unknown(packet.ago_secs.map(|ago| format!("{ago:.3} s"))),
            packet.direction.clone(),
            packet.packet.clone(),
            packet.topic.clone().unwrap_or_default(),
            packet.bytes.to_string(),
        ]
    });
    table(out, "Last packets before the newest drop", &["Before", "Way", "Packet", "Topic", "Bytes"], rows)
}

fn marks(out: &mut String, extension: &Extension) -> fmt::Result {
    let marks = &extension.evidence.marks;
    let newest = marks[marks.len().saturating_sub(50)..].iter();
    let rows = newest.map(|mark| vec![timestamp_text(&mark.timestamp), mark.kind.clone(), mark.text.clone()]);
    table(out, "Also noted", &["Time", "Kind", "What"], rows)
}

fn environment(out: &mut String, extension: &Extension) -> fmt::Result {
    let text = |value: &Option<String>| or_unknown(value.clone());
    let overflow = &extension.overflow;
    let mut rows = vec![
        ("dropscope", extension.version.clone()),
        ("Endpoint", text(&extension.endpoint)),
        ("Transport", text(&extension.transport)),
        ("MQTT", text(&extension.mqtt_version)),
        ("Client id", text(&extension.client_id)),
        ("Keep-alive", format!("{} s", extension.keep_alive_secs)),
        (
            "Not in this report",
            format!("{} older entries, {} lost events", overflow.events_evicted, overflow.events_lost),
        ),
    ];
    if let Some(scale) = extension.time_scale {
        rows.push(("Simulated", format!("all times are field time, {scale} s of it in 1 s")));
    }
    for (name, limit) in &extension.evidence.broker_limits {
        rows.push(("Broker limit", format!("{name} = {limit}")));
    }
    table(out, "Environment", &["", ""], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

/// A heading and a table; nothing if there are no rows.
fn table(
    out: &mut String,
    title: &str,
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> fmt::Result {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "## {title}\n\n| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()))?;
    for row in rows {
        out.push('|');
        row.iter().try_for_each(|cell| write!(out, " {} |", EscapedMarkdown(cell)))?;
        out.push('\n');
    }
    writeln!(out)
}

fn duration_text(secs: f64) -> String {
    Duration::try_from_secs_f64(secs).map_or_else(|_| "?".to_owned(), duration_words)
}

/// A timestamp of the export to the second, as people write it.
fn timestamp_text(timestamp: &str) -> String {
    DateTime::parse_from_rfc3339(timestamp)
        .map_or_else(|_| timestamp.to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// The manner of an ending in words; a word of a later version as it is.
fn drop_kind_text(how: &str) -> String {
    serde_json::from_value::<DropKind>(how.into())
        .map_or_else(|_| how.to_owned(), |how| words::drop_kind(Some(how)).to_owned())
}

fn or_unknown(text: Option<String>) -> String {
    text.unwrap_or_else(|| "?".to_owned())
}

/// Text from outside as literal Markdown: no markup, no HTML, no line breaks, no control characters.
#[derive(Debug, Clone, Copy)]
pub struct EscapedMarkdown<'a>(pub &'a str);

impl Display for EscapedMarkdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = clean(self.0);
        let mut before = ' ';
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            // Inside a word an underscore marks nothing, and error names stay readable.
            let inside = |c: char| c.is_ascii_alphanumeric();
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '@' => f.write_str("&#64;")?,
                '_' if inside(before) && rest.peek().is_some_and(|next| inside(*next)) => f.write_char(c)?,
                '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => write!(f, "\\{c}")?,
                c => f.write_char(c)?,
            }
            before = c;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_and_control_characters_are_escaped() {
        let hostile = "a|b\n# <img src=x> [x](y) `c` @everyone \u{1b}[2J \u{202e}";
        assert_eq!(
            EscapedMarkdown(hostile).to_string(),
            "a\\|b \\# &lt;img src=x&gt; \\[x\\](y) \\`c\\` &#64;everyone \u{fffd}\\[2J \u{fffd}"
        );
    }

    #[test]
    fn an_export_of_the_reference_can_be_reported() {
        let fixture = include_str!("../../tests/fixtures/nwp500-export-example.json");
        let text = report(&serde_json::from_str(fixture).expect("the reference's format"));
        assert!(text.starts_with("# MQTT connection report\n\nState of 2026-08-03 12:27:13"), "{text}");
        let row = "| 2026-08-03 12:20:34 | AWS_ERROR_MQTT_UNEXPECTED_HANGUP | ? | 20 min 34 s | ? |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("| Connect timed out | ? | 5 min |"), "{text}");
        assert!(!text.contains("Environment"));
    }
}
