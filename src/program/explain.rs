//! `dropscope explain`: the meaning of messages of other programs.

mod markdown;
mod page;

use std::io::{self, BufRead, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use color_eyre::eyre::WrapErr as _;
use serde::Serialize;

use super::print;
use crate::classify::{Explanation, explain as explain_text, explain_line};
use crate::cli::{self, ExplainFormat};
use crate::config::environment;
use crate::exit::ExitReason;
use crate::tui;

/// Bytes of a line that are read; the rest of a longer one is skipped.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Bytes of standard input that are tried as one JSON document.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Columns when the width of the terminal is unknown.
const DEFAULT_WIDTH: u16 = 80;

/// All explanations of a run.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct ExplainReport {
    schema_version: u32,
    /// Lines (or JSON objects) that were read.
    lines: u64,
    /// Lines without a match.
    unknown_lines: u64,
    /// Each meaning once, the most frequent fault first.
    explanations: Vec<ExplanationGroup>,
    /// The first line without a match.
    #[serde(skip)]
    first_unknown: Option<String>,
}

/// Lines with the same meaning.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ExplanationGroup {
    count: u64,
    /// The first of them.
    #[serde(flatten)]
    explanation: Explanation,
}

impl ExplainReport {
    fn new() -> Self {
        Self { schema_version: 1, ..Self::default() }
    }

    /// Memory stays bounded: there is one group for each known meaning, and one for the first unknown line.
    fn add(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.lines += 1;
        let explanation = explain_line(text);
        let id = |explanation: &Explanation| explanation.found.as_ref().map(|meaning| meaning.id.clone());
        let meaning_id = id(&explanation);
        if meaning_id.is_none() {
            self.unknown_lines += 1;
            self.first_unknown.get_or_insert_with(|| text.to_owned());
        }
        match self.explanations.iter_mut().find(|group| id(&group.explanation) == meaning_id) {
            Some(group) => group.count += 1,
            None => self.explanations.push(ExplanationGroup { count: 1, explanation }),
        }
    }

    fn is_known(&self) -> bool {
        self.unknown_lines < self.lines
    }

    /// Faults first, then harmless messages; unknown lines only if nothing matched.
    fn finish(mut self) -> Self {
        if self.is_known() {
            self.explanations.retain(|group| group.explanation.found.is_some());
        } else if let (Some(text), Some(group)) = (&self.first_unknown, self.explanations.first_mut()) {
            // Similar words are shown only here.
            group.explanation = explain_text(text);
        }
        let is_harmless = |group: &ExplanationGroup| {
            group.explanation.found.as_ref().is_some_and(|meaning| meaning.is_harmless)
        };
        self.explanations.sort_by_key(|group| (is_harmless(group), std::cmp::Reverse(group.count)));
        self
    }
}

/// Explains the arguments, or standard input.
pub(super) fn explain(args: &cli::ExplainArgs) -> color_eyre::Result<ExitCode> {
    let mut report = ExplainReport::new();
    if args.text.is_empty() || args.text == ["-"] {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            // A closed standard error is ignored.
            let _ = writeln!(io::stderr(), "Paste lines, then end with Ctrl-D.");
        }
        read(stdin.lock(), &mut report).wrap_err("cannot read standard input")?;
    } else {
        report.add(&args.text.join(" "));
    }
    let report = report.finish();
    let text = match args.format {
        ExplainFormat::Text => page::page(&report, width(), has_color())?,
        ExplainFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
        ExplainFormat::Markdown => markdown::markdown(&report)?,
    };
    print(text.as_bytes())?;
    Ok(if report.is_known() { ExitReason::Success } else { ExitReason::RuntimeError }.into())
}

/// Line by line; a JSON document of several lines is explained as a whole, a list of them one by one.
fn read(mut input: impl BufRead, report: &mut ExplainReport) -> io::Result<()> {
    let mut by_line = ExplainReport::new();
    let mut document = Some(String::new());
    while let Some(line) = next_line(&mut input)? {
        let line = String::from_utf8_lossy(&line);
        by_line.add(&line);
        if let Some(text) = &mut document {
            text.push_str(&line);
            let first_char = text.trim_start().chars().next();
            if text.len() > MAX_DOCUMENT_BYTES || first_char.is_some_and(|first| !matches!(first, '{' | '['))
            {
                document = None;
            }
        }
    }
    match document.as_deref().map(serde_json::from_str::<serde_json::Value>) {
        Some(Ok(serde_json::Value::Array(values))) => {
            for value in &values {
                report.add(&value.to_string());
            }
        }
        Some(Ok(value)) => report.add(&value.to_string()),
        _ => *report = by_line,
    }
    Ok(())
}

/// The next line with its line feed, cut at [`MAX_LINE_BYTES`]. `None` at the end of the input.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let mut is_line_complete = line.ends_with(b"\n");
    while !is_line_complete {
        let more = input.fill_buf()?;
        let end = more.iter().position(|byte| *byte == b'\n');
        let skipped = end.map_or(more.len(), |end| end + 1);
        is_line_complete = end.is_some() || more.is_empty();
        input.consume(skipped);
    }
    Ok(Some(line))
}

fn width() -> u16 {
    let is_terminal = io::stdout().is_terminal();
    let columns = std::env::var(environment::COLUMNS).ok().and_then(|columns| columns.parse().ok());
    columns.or_else(|| is_terminal.then(tui::columns).flatten()).unwrap_or(DEFAULT_WIDTH)
}

fn has_color() -> bool {
    io::stdout().is_terminal() && std::env::var_os(environment::NO_COLOR).is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests;
