//! The analysis as text for a terminal.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::super::FileFormat;
use super::{AnalysisReport, input_sentence};
use crate::classify::{ConfidenceLevel, ItemRole, TextWrap, VerdictPage, percent};
use crate::diagnostics::LinkState;
use crate::diagnostics::clean::clean;
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::words::{self, count, range};

/// Columns of the labels, their margins included.
const LABEL_WIDTH: usize = 18;
/// Error names shown.
const MAX_ERROR_NAMES: usize = 6;
/// Files listed one by one; of more only those with a remark.
const MAX_FILES: usize = 12;

/// The style of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// With colors.
    pub color: bool,
    /// Columns to stay within; at least 40 are used.
    pub width: usize,
}

impl TextStyle {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";
const TITLE: &str = "1;36";

impl AnalysisReport {
    /// A summary for people; no control characters but line feeds and, with color, SGR sequences.
    pub fn text(&self, style: TextStyle) -> String {
        let mut page = TextWriter { out: String::new(), style };
        // Writing to a string cannot fail.
        let _ = self.write_figures(&mut page);
        let _ = self.write_verdict(&mut page);
        let _ = self.write_input(&mut page);
        page.out
    }

    fn write_figures(&self, page: &mut TextWriter) -> fmt::Result {
        let (snapshot, metrics) = (&self.snapshot, &self.snapshot.metrics);
        let (from, to) = (snapshot.since.wall, snapshot.at.wall);
        page.title("Watched")?;
        let period =
            format!("{} to {} UTC", from.format("%Y-%m-%d %H:%M:%S"), to.format("%Y-%m-%d %H:%M:%S"));
        page.line("Period", &format!("{period}, {} watched", duration_words(metrics.observed)))?;
        if let Some(endpoint) = self.export.dropscope.as_ref().and_then(|one| one.endpoint.as_deref()) {
            page.line("Broker", endpoint)?;
        }
        if let Some(share) = words::availability(metrics) {
            let (up, down) = (duration_words(metrics.connected), duration_words(metrics.down));
            let mut text = format!("{share}: connected {up}, not connected {down}");
            if !metrics.unproven.is_zero() {
                write!(text, "; {} of it without a proof of life", duration_words(metrics.unproven))?;
            }
            page.line("Availability", &text)?;
        }
        self.write_sessions(page)?;
        let drops = match metrics.mtbf() {
            Some(mtbf) => {
                format!("{}, one per {} connected", metrics.total_connection_drops, duration_words(mtbf))
            }
            None => "none".to_owned(),
        };
        page.line("Drops", &drops)?;
        if let (Some(mean), Some(points)) = (words::recovery(metrics), metrics.recovery_percentiles) {
            page.line("Recovery", &format!("at most {}, mean {mean}", duration_words(points.max)))?;
        }
        page.names("Errors", &self.export.metrics.connection_drops_by_error)?;
        if let Some(extension) = &self.export.dropscope {
            page.names("Failed connects", &extension.connect_failures.by_error)?;
        }
        Ok(())
    }

    fn write_sessions(&self, page: &mut TextWriter) -> fmt::Result {
        let (snapshot, metrics) = (&self.snapshot, &self.snapshot.metrics);
        let accepted = metrics.total_connections.saturating_add(metrics.connection_recovered);
        let mut sessions = accepted.to_string();
        if metrics.total_disconnects > 0 {
            write!(sessions, ", {} ended on purpose", metrics.total_disconnects)?;
        }
        if let LinkState::Connected { since } = snapshot.link {
            write!(sessions, ", the newest still up after {}", duration_words(snapshot.at.since(since)))?;
        }
        page.line("Sessions", &sessions)?;
        if let Some(points) = metrics.session_percentiles {
            let lengths = range(points.min, points.max, duration_words);
            let median = duration_words(points.p50);
            page.line("Session length", &format!("{lengths}, median {median} (of those that dropped)"))?;
        }
        Ok(())
    }

    fn write_verdict(&self, page: &mut TextWriter) -> fmt::Result {
        let verdict = VerdictPage::from_parts(&self.classification, Some(&self.diagnosis));
        page.title("Why")?;
        if let Some(now) = verdict.text(ItemRole::Now) {
            page.marked("At the end", BOLD, now)?;
        }
        let mut answer = verdict.text(ItemRole::Answer).unwrap_or_default().to_owned();
        if let Some(probability) = verdict.confidence {
            let word = ConfidenceLevel::of(probability).word();
            write!(answer, ", {} ({word})", percent(probability))?;
        }
        page.marked("Verdict", BOLD, &answer)?;
        verdict.all(ItemRole::Meaning).try_for_each(|item| page.line("", &item.text))?;
        for item in verdict.all(ItemRole::EvidenceFor) {
            page.bullet('+', GREEN, &item.text)?;
        }
        for item in verdict.all(ItemRole::EvidenceAgainst) {
            page.bullet('-', RED, &item.text)?;
        }
        for item in verdict.all(ItemRole::Cured) {
            page.bullet('✓', GREEN, &item.text)?;
        }
        verdict.all(ItemRole::AlsoSeen).try_for_each(|item| page.line("Also", &item.text))?;
        for (label, role) in [
            ("Most probable", ItemRole::Lead),
            ("Alternatives", ItemRole::Rival),
            ("Causes", ItemRole::Cause),
        ] {
            verdict.joined(role).map_or(Ok(()), |text| page.line(label, &text))?;
        }
        for (label, role) in [
            ("Since change", ItemRole::Calm),
            ("Separating test", ItemRole::SeparatingTest),
            ("Missing", ItemRole::Missing),
            ("Next drop", ItemRole::NextDrop),
        ] {
            verdict.all(role).try_for_each(|item| page.line(label, &item.text))?;
        }
        verdict.all(ItemRole::NextStep).try_for_each(|step| page.marked("Next step", BOLD, &step.text))
    }

    fn write_input(&self, page: &mut TextWriter) -> fmt::Result {
        let files = &self.input.files;
        page.title("Input")?;
        page.line("Events", &input_sentence(&self.input))?;
        let is_listed = |remarks: &[String]| files.len() <= MAX_FILES || !remarks.is_empty();
        for file in files.iter().filter(|file| is_listed(&file.remarks)) {
            let what = match file.format {
                FileFormat::ReferenceExport => "an export of the reference client",
                FileFormat::Export => "an export",
                FileFormat::Recording => "a recording",
                FileFormat::Unreadable => "nothing readable",
            };
            let events = count(file.tally.events, "event", "events");
            page.line("", &format!("{}: {what}, {events}", file.name))?;
            file.remarks.iter().try_for_each(|remark| page.bullet('!', RED, remark))?;
        }
        self.input.warnings.iter().try_for_each(|warning| page.bullet('!', RED, warning))
    }
}

/// Lines with a label in front, wrapped within the width.
struct TextWriter {
    out: String,
    style: TextStyle,
}

impl TextWriter {
    fn title(&mut self, title: &str) -> fmt::Result {
        let gap = if self.out.is_empty() { "" } else { "\n" };
        writeln!(self.out, "{gap}{}", self.style.paint(TITLE, title))
    }

    fn line(&mut self, label: &str, text: &str) -> fmt::Result {
        self.marked(label, "", text)
    }

    fn marked(&mut self, label: &str, code: &str, text: &str) -> fmt::Result {
        let label = format!("  {label:<width$}", width = LABEL_WIDTH - 2);
        let label = self.style.paint(DIM, &label);
        self.wrapped(&label, LABEL_WIDTH, code, text)
    }

    fn bullet(&mut self, sign: char, code: &str, text: &str) -> fmt::Result {
        let lead = format!("{:LABEL_WIDTH$}{} ", "", self.style.paint(code, &sign.to_string()));
        self.wrapped(&lead, LABEL_WIDTH + 2, "", text)
    }

    /// Names and counts, the most frequent first.
    fn names(&mut self, label: &str, counts: &BTreeMap<String, u64>) -> fmt::Result {
        let mut sorted: Vec<_> = counts.iter().collect();
        sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        for (place, (name, count)) in sorted.iter().take(MAX_ERROR_NAMES).enumerate() {
            self.line(if place == 0 { label } else { "" }, &format!("{count} × {name}"))?;
        }
        match sorted.len().checked_sub(MAX_ERROR_NAMES) {
            None | Some(0) => Ok(()),
            Some(rest) => self.line("", &format!("and {rest} more")),
        }
    }

    fn wrapped(&mut self, lead: &str, indent: usize, code: &str, text: &str) -> fmt::Result {
        let mut rows = TextWrap::new(self.style.width.max(40) - indent).lines(&clean(text));
        if rows.is_empty() {
            rows.push(String::new());
        }
        for (place, row) in rows.iter().enumerate() {
            let row = if code.is_empty() { row.clone() } else { self.style.paint(code, row) };
            if place == 0 {
                writeln!(self.out, "{lead}{row}")?;
            } else {
                writeln!(self.out, "{:indent$}{row}", "")?;
            }
        }
        Ok(())
    }
}
