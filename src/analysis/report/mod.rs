//! How is an analysis handed out, without what is private?

mod json;
mod markdown;
mod text;

use super::{Analysis, InputReport};
use crate::classify::{Classification, Diagnosis, Verdict};
use crate::diagnostics::Snapshot;
use crate::diagnostics::words::count;
use crate::export::redact::Kind;
use crate::export::{Export, ExportOptions, Redactor, redactor};

pub use text::Style;

/// An analysis as it may be shown: identities are replaced by placeholders unless asked otherwise.
#[derive(Debug)]
pub struct Report {
    snapshot: Snapshot,
    export: Export,
    classification: Classification,
    diagnosis: Diagnosis,
    input: InputReport,
}

impl Report {
    /// The report of an analysis of this input; with `redact` it may be given away.
    pub fn new(analysis: &Analysis, input: &InputReport, redact: bool) -> Self {
        let known = input.clients.iter().map(|client| (Kind::Client, client.clone())).collect();
        let options = ExportOptions { redact, known, ..ExportOptions::default() };
        let export = Export::of(&analysis.snapshot, Some(&analysis.verdict), &options);
        // The export's are the verdict's without what is private; it has them whenever it is given a verdict.
        let nothing = Verdict::nothing_yet(analysis.snapshot.at);
        let said = export.dropscope.as_ref();
        let (classification, diagnosis) =
            said.map_or((None, None), |one| (one.classification.clone(), one.diagnosis.clone()));
        Self {
            export,
            classification: classification.unwrap_or(nothing.classification),
            diagnosis: diagnosis.unwrap_or(nothing.diagnosis),
            input: files(input, &mut redactor(&analysis.snapshot, &options)),
            snapshot: analysis.snapshot.clone(),
        }
    }
}

fn texts(texts: &[String], redactor: &mut Redactor) -> Vec<String> {
    texts.iter().map(|text| redactor.text(text)).collect()
}

fn files(input: &InputReport, redactor: &mut Redactor) -> InputReport {
    let mut clean = input.clone();
    for file in &mut clean.files {
        file.name = redactor.text(&file.name);
        file.remarks = texts(&file.remarks, redactor);
    }
    clean.warnings = texts(&input.warnings, redactor);
    clean.clients.clear();
    clean
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
fn causes(diagnosis: &Diagnosis) -> Vec<String> {
    let likely = diagnosis.causes.iter().filter(|cause| cause.probability >= 0.005).take(4);
    likely.map(|cause| format!("{} {}", cause.name, percent(cause.probability))).collect()
}

/// When the next drop is expected.
fn expected(diagnosis: &Diagnosis) -> Option<String> {
    let expected = diagnosis.expected?;
    let within = crate::diagnostics::sentence::duration_words(expected.within());
    Some(format!("{} UTC, give or take {within}", expected.at.format("%Y-%m-%d %H:%M:%S")))
}

/// What was read, and what was not, in one sentence.
fn read_words(input: &InputReport) -> String {
    let (tally, files) = (input.tally(), u64::try_from(input.files.len()).unwrap_or(u64::MAX));
    let mut parts =
        vec![format!("{} from {}", count(input.events, "event", "events"), count(files, "file", "files"))];
    if tally.skipped() > 0 {
        let kinds = [
            (tally.malformed, "not readable"),
            (tally.torn, "torn at the end of a file"),
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
    if input.told_twice > 0 {
        parts.push(format!(
            "{} told by several files counted once",
            count(input.told_twice, "event", "events")
        ));
    }
    parts.join("; ")
}
