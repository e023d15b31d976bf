//! `dropscope analyze`: recordings and exports in, a verdict out.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use color_eyre::eyre::WrapErr as _;

use super::print;
use crate::analysis::{self, FileFormat, InputReport, AnalysisReport, TextStyle, find_inputs};
use crate::cli::{Analyze, AnalyzeFormat};
use crate::diagnostics::Diagnostics;
use crate::diagnostics::clean::clean;
use crate::exit::Code;

/// Columns of text where nobody tells how wide the terminal is.
const WIDTH: usize = 100;
/// Wider lines are hard to read.
const WIDEST: usize = 120;

/// Reads what was named, prints what it says, and tells on standard error what could not be read.
pub(super) fn analyze(wanted: &Analyze) -> color_eyre::Result<ExitCode> {
    let finding = find_inputs(&wanted.files);
    tell(&finding.errors);
    let (analysis, input) = analysis::analyze(finding.sources, Diagnostics::DEFAULT_MAX_EVENTS);
    tell(&trouble(&input));
    let Some(analysis) = analysis else {
        if finding.errors.is_empty() && input.files.is_empty() {
            tell(&["there is nothing to read: name a recording, an export or a directory".to_owned()]);
        }
        return Ok(Code::Runtime.into());
    };
    let report = AnalysisReport::new(&analysis, &input, !wanted.no_redact.unwrap_or(false));
    let text = match wanted.format {
        AnalyzeFormat::Text => report.text(style(wanted)),
        AnalyzeFormat::Json => report.json().wrap_err("cannot put the analysis into JSON")?,
        AnalyzeFormat::Markdown => report.markdown(),
    };
    print(text.as_bytes())?;
    let is_met = wanted.fail_on.iter().any(|condition| condition.is_met(&analysis.snapshot.metrics));
    Ok(if is_met { Code::FailOnMet } else { Code::Fine }.into())
}

/// Sentences on standard error, one a line.
fn tell(sentences: &[String]) {
    let mut out = io::stderr().lock();
    for sentence in sentences {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(out, "dropscope: {}", clean(sentence));
    }
}

/// What the reader of the output alone might overlook: files that gave nothing, and those that do not fit.
fn trouble(input: &InputReport) -> Vec<String> {
    let mut sentences = Vec::new();
    for file in &input.files {
        let name = &file.name;
        if file.format == FileFormat::Unreadable && file.remarks.is_empty() {
            let what = match file.tally.lines {
                0 => "it is empty",
                _ => "no line is an event",
            };
            sentences.push(format!(
                "nothing read from {name}: {what}; give a recording (*.jsonl) or an export (*.json) of dropscope"
            ));
        }
        if file.format == FileFormat::Unreadable {
            sentences.extend(file.remarks.iter().map(|why| format!("nothing read from {name}: {why}")));
        } else if file.tally.skipped() > 0 {
            let (skipped, lines) = (file.tally.skipped(), file.tally.lines);
            sentences.push(format!("{name}: {skipped} of {lines} lines could not be read"));
        }
    }
    sentences.extend(input.warnings.iter().cloned());
    sentences
}

fn style(wanted: &Analyze) -> TextStyle {
    let is_terminal = io::stdout().is_terminal();
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let color = is_terminal && !set("NO_COLOR") && !is_dumb && !wanted.no_color.unwrap_or(false);
    let columns = if is_terminal { crate::tui::columns() } else { None };
    TextStyle { color, width: columns.map_or(WIDTH, usize::from).min(WIDEST) }
}
