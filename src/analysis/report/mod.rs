//! How is an analysis handed out, without what is private?

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

/// An analysis as it may be shown: identities are replaced by placeholders unless asked otherwise.
#[derive(Debug)]
pub struct AnalysisReport {
    snapshot: Snapshot,
    export: Export,
    classification: Classification,
    diagnosis: Diagnosis,
    input: InputReport,
}

impl AnalysisReport {
    /// The report of an analysis of this input; with `redact` it may be given away.
    pub fn new(analysis: &Analysis, input: &InputReport, redact: bool) -> Self {
        let known = input.clients.iter().map(|client| (SensitiveKind::Client, client.clone())).collect();
        let options = ExportOptions { redact, known_values: known, ..ExportOptions::default() };
        let export = Export::of(&analysis.snapshot, Some(&analysis.verdict), &options);
        // The export's are the verdict's without what is private; it has them whenever it is given a verdict.
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

/// A probability in percent; never a certainty that nobody has.
fn percent(probability: f64) -> String {
    let percent = (probability * 100.0).clamp(0.0, 100.0);
    if percent > 99.0 && percent < 100.0 { ">99 %".to_owned() } else { format!("{percent:.0} %") }
}

/// Patterns beside the answer that are not quite impossible, the most probable first.
fn runners_up(classification: &Classification) -> Vec<String> {
    let others = classification.hypotheses.iter().filter(|other| other.pattern != classification.pattern);
    let likely = others.filter(|other| other.probability >= 0.005).take(3);
    likely.map(|other| format!("{} {}", other.pattern.title(), percent(other.probability))).collect()
}

/// Causes with their probabilities, the most probable first.
fn likely_causes(diagnosis: &Diagnosis) -> Vec<String> {
    let likely = diagnosis.causes.iter().filter(|cause| cause.probability >= 0.005).take(4);
    likely.map(|cause| format!("{} {}", cause.name, percent(cause.probability))).collect()
}

/// When the next drop is expected.
fn prediction_sentence(diagnosis: &Diagnosis) -> Option<String> {
    let prediction = diagnosis.expected?;
    let half_width = crate::diagnostics::sentence::duration_words(prediction.half_width());
    Some(format!("{} UTC, give or take {half_width}", prediction.at.format("%Y-%m-%d %H:%M:%S")))
}

/// What was read, and what was not, in one sentence.
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
        parts.push(format!(
            "{} of a kind this version does not know",
            count(tally.unknown, "event", "events")
        ));
    }
    if input.duplicate_events > 0 {
        parts.push(format!(
            "{} told by several files counted once",
            count(input.duplicate_events, "event", "events")
        ));
    }
    parts.join("; ")
}
