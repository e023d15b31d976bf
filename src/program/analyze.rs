//! `dropscope analyze`: recordings and exports in, a verdict out.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use color_eyre::eyre::WrapErr as _;

use super::print;
use crate::analysis::{self, AnalysisReport, FileFormat, InputReport, TextStyle, find_inputs};
use crate::cli::{AnalyzeArgs, AnalyzeFormat};
use crate::config::environment;
use crate::diagnostics::Diagnostics;
use crate::diagnostics::clean::clean;
use crate::exit::ExitReason;

/// Columns of text when the width of the terminal is unknown.
const DEFAULT_WIDTH: usize = 100;
/// Wider lines are hard to read.
const MAX_WIDTH: usize = 120;

/// Reads the inputs and prints the analysis; inputs that could not be read go to standard error.
pub(super) fn analyze(args: &AnalyzeArgs) -> color_eyre::Result<ExitCode> {
    let finding = find_inputs(&args.files);
    print_errors(&finding.errors);
    let (analysis, input) = analysis::analyze(finding.sources, Diagnostics::DEFAULT_MAX_EVENTS);
    print_errors(&input_warnings(&input));
    let Some(analysis) = analysis else {
        if finding.errors.is_empty() && input.files.is_empty() {
            print_errors(
                &["there is nothing to read: name a recording, an export or a directory".to_owned()],
            );
        }
        return Ok(ExitReason::RuntimeError.into());
    };
    let report = AnalysisReport::new(&analysis, &input, !args.no_redact.unwrap_or(false));
    let text = match args.format {
        AnalyzeFormat::Text => report.text(style(args)),
        AnalyzeFormat::Json => report.json().wrap_err("cannot put the analysis into JSON")?,
        AnalyzeFormat::Markdown => report.markdown(),
    };
    print(text.as_bytes())?;
    let is_met = args.fail_on.iter().any(|condition| condition.is_met(&analysis.snapshot.metrics));
    Ok(if is_met { ExitReason::FailOnMet } else { ExitReason::Success }.into())
}

/// Sentences on standard error, one a line.
fn print_errors(sentences: &[String]) {
    let mut out = io::stderr().lock();
    for sentence in sentences {
        // A closed standard error is ignored.
        let _ = writeln!(out, "dropscope: {}", clean(sentence));
    }
}

/// Warnings about files without events and files that do not belong together.
fn input_warnings(input: &InputReport) -> Vec<String> {
    let mut sentences = Vec::new();
    for file in &input.files {
        let name = &file.name;
        if file.format == FileFormat::Unreadable && file.remarks.is_empty() {
            let what = match file.tally.lines {
                0 => "it is empty",
                _ => "no line is a dropscope event",
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

fn style(args: &AnalyzeArgs) -> TextStyle {
    let is_terminal = io::stdout().is_terminal();
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os(environment::TERM).is_some_and(|term| term == "dumb");
    let color = is_terminal && !is_set(environment::NO_COLOR) && !is_dumb && !args.no_color.unwrap_or(false);
    let columns = if is_terminal { crate::tui::columns() } else { None };
    TextStyle { color, width: columns.map_or(DEFAULT_WIDTH, usize::from).min(MAX_WIDTH) }
}
