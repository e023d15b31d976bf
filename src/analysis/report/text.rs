//! How does an analysis read in a terminal?

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthStr as _;

use super::{AnalysisReport, input_sentence, likely_causes, percent, prediction_sentence, runners_up};
use crate::diagnostics::LinkState;
use crate::diagnostics::clean::clean;
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::words::{count, range};

/// Columns of the labels, their margins included.
const LABEL_WIDTH: usize = 18;
/// Error names shown.
const MAX_ERROR_NAMES: usize = 6;
/// Files told one by one; of more only those with something to remark.
const MAX_FILES: usize = 12;

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// With colours.
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
    /// A summary for people; no control characters but line feeds, and colours if asked for.
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
        if let Some(share) = metrics.availability() {
            let (up, down) = (duration_words(metrics.connected), duration_words(metrics.down));
            page.line(
                "Availability",
                &format!("{:.3} %: connected {up}, not connected {down}", share * 100.0),
            )?;
        }
        self.write_sessions(page)?;
        let drops = match metrics.mtbf() {
            Some(mtbf) => {
                format!("{}, one per {} connected", metrics.total_connection_drops, duration_words(mtbf))
            }
            None => "none".to_owned(),
        };
        page.line("Drops", &drops)?;
        if let (Some(mttr), Some(points)) = (metrics.mttr, metrics.recovery_percentiles) {
            let (mean, most) = (duration_words(mttr), duration_words(points.max));
            page.line("Back after", &format!("{mean} on average, {most} at most"))?;
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
            page.line("Their lengths", &format!("{lengths}, median {median} (of those that dropped)"))?;
        }
        Ok(())
    }

    fn write_verdict(&self, page: &mut TextWriter) -> fmt::Result {
        let (classification, diagnosis) = (&self.classification, &self.diagnosis);
        page.title("Why")?;
        let answer = format!("{}, {}", classification.pattern.title(), percent(classification.confidence));
        page.marked("Verdict", BOLD, &answer)?;
        page.line("", classification.pattern.meaning())?;
        for evidence in &classification.evidence {
            page.bullet('+', GREEN, evidence)?;
        }
        for against in &diagnosis.against {
            page.bullet('-', RED, against)?;
        }
        for also in &diagnosis.also {
            page.line("Also", &also.sentence)?;
        }
        for (label, texts) in
            [("Otherwise", runners_up(classification)), ("Causes", likely_causes(diagnosis))]
        {
            if !texts.is_empty() {
                page.line(label, &texts.join(", "))?;
            }
        }
        let lines = [
            ("To tell apart", diagnosis.separate.as_deref()),
            ("Missing", classification.missing.as_deref()),
        ];
        for (label, text) in lines {
            text.map_or(Ok(()), |text| page.line(label, text))?;
        }
        prediction_sentence(diagnosis).map_or(Ok(()), |text| page.line("Next drop", &text))?;
        page.marked("Do next", BOLD, &diagnosis.next.text)
    }

    fn write_input(&self, page: &mut TextWriter) -> fmt::Result {
        let files = &self.input.files;
        page.title("Read")?;
        page.line("Input", &input_sentence(&self.input))?;
        let is_listed = |remarks: &[String]| files.len() <= MAX_FILES || !remarks.is_empty();
        for file in files.iter().filter(|file| is_listed(&file.remarks)) {
            let what = match file.format.name() {
                "reference_export" => "an export of the reference client",
                "export" => "an export",
                "recording" => "a recording",
                _ => "nothing readable",
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
        let width = self.style.width.max(40) - indent;
        let text = clean(text);
        let mut row = String::new();
        let mut rows = Vec::new();
        for word in text.split_whitespace() {
            if !row.is_empty() && row.width() + 1 + word.width() > width {
                rows.push(std::mem::take(&mut row));
            }
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
        }
        rows.push(row);
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
