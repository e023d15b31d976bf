//! The report of an analysis, with private values replaced by placeholders.

mod json;
mod markdown;
mod text;

use super::{Analysis, InputReport};
use crate::classify::{Classification, Diagnosis, Verdict};
use crate::diagnostics::Snapshot;
use crate::diagnostics::words::count;
use crate::export::redact::SensitiveKind;
use crate::export::{Export, ExportOptions, Redactor, redactor};

pub use text::TextStyle;

/// An analysis for output: identities are replaced by placeholders if redaction is on.
#[derive(Debug)]
pub struct AnalysisReport {
    snapshot: Snapshot,
    export: Export,
    classification: Classification,
    diagnosis: Diagnosis,
    input: InputReport,
}

impl AnalysisReport {
    /// The report of an analysis of this input; with `redact` it is safe to share.
    pub fn new(analysis: &Analysis, input: &InputReport, redact: bool) -> Self {
        let known = input.clients.iter().map(|client| (SensitiveKind::Client, client.clone())).collect();
        let options = ExportOptions { redact, known_values: known, ..ExportOptions::default() };
        let export = Export::of(&analysis.snapshot, Some(&analysis.verdict), &options);
        // The export holds both parts of the verdict, redacted, whenever it is built from a verdict.
        let undetermined = Verdict::undetermined(analysis.snapshot.at);
        let extension = export.dropscope.as_ref();
        let (classification, diagnosis) =
            extension.map_or((None, None), |one| (one.classification.clone(), one.diagnosis.clone()));
        Self {
            export,
            classification: classification.unwrap_or(undetermined.classification),
            diagnosis: diagnosis.unwrap_or(undetermined.diagnosis),
            input: redact_input(input, &mut redactor(&analysis.snapshot, &options)),
            snapshot: analysis.snapshot.clone(),
        }
    }
}

fn redact_texts(texts: &[String], redactor: &mut Redactor) -> Vec<String> {
    texts.iter().map(|text| redactor.text(text)).collect()
}

fn redact_input(input: &InputReport, redactor: &mut Redactor) -> InputReport {
    let mut redacted = input.clone();
    for file in &mut redacted.files {
        file.name = redactor.text(&file.name);
        file.remarks = redact_texts(&file.remarks, redactor);
    }
    redacted.warnings = redact_texts(&input.warnings, redactor);
    redacted.clients.clear();
    redacted
}

/// Counts of what was read and what was skipped, in one sentence.
fn input_sentence(input: &InputReport) -> String {
    let (tally, files) = (input.tally(), u64::try_from(input.files.len()).unwrap_or(u64::MAX));
    let mut parts =
        vec![format!("{} from {}", count(input.events, "event", "events"), count(files, "file", "files"))];
    if tally.skipped() > 0 {
        let kinds = [
            (tally.malformed, "not readable"),
            (tally.truncated, "torn at the end of a file"),
            (tally.oversized, "longer than 1 MiB"),
        ];
        let kinds: Vec<_> = kinds
            .iter()
            .filter(|(lines, _)| *lines > 0)
            .map(|(lines, why)| format!("{lines} {why}"))
            .collect();
        parts.push(format!("{} skipped: {}", count(tally.skipped(), "line", "lines"), kinds.join(", ")));
    }
    if tally.unknown > 0 {
        parts.push(format!("{} of an unknown kind", count(tally.unknown, "event", "events")));
    }
    if input.duplicate_events > 0 {
        parts.push(format!(
            "{} counted once",
            count(input.duplicate_events, "duplicate event", "duplicate events")
        ));
    }
    parts.join("; ")
}
