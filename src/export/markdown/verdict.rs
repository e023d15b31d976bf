//! Why does it drop, how sure is that, and what is to be done? The section a reader looks for first.

use std::fmt::{self, Write};

use super::super::schema::Extension;
use super::{EscapedMarkdown, duration_text, timestamp_text};
use crate::classify::{Classification, Diagnosis, Hypothesis, Pattern};

/// Runners-up named at most.
const RUNNERS_UP: usize = 2;
/// Probabilities below this are not worth a reader's time.
const MIN_PROBABILITY: f64 = 0.01;

/// Writes the section; nothing if nobody judged the drops.
pub(super) fn write(out: &mut String, extension: &Extension) -> fmt::Result {
    let Some(classification) = &extension.classification else { return Ok(()) };
    writeln!(out, "## Verdict\n")?;
    write_pattern(out, classification)?;
    for sentence in &classification.evidence {
        writeln!(out, "- For: {}", EscapedMarkdown(sentence))?;
    }
    if let Some(diagnosis) = &extension.diagnosis {
        for sentence in &diagnosis.against {
            writeln!(out, "- Against: {}", EscapedMarkdown(sentence))?;
        }
    }
    if let Some(missing) = &classification.missing {
        writeln!(out, "- Missing: {}", EscapedMarkdown(missing))?;
    }
    write_alternatives(out, classification)?;
    match &extension.diagnosis {
        Some(diagnosis) => write_diagnosis(out, diagnosis),
        None => writeln!(out),
    }
}

fn write_pattern(out: &mut String, classification: &Classification) -> fmt::Result {
    let pattern = classification.pattern;
    let drops = match classification.drops {
        0 => "no drop".to_owned(),
        1 => "1 drop".to_owned(),
        many => format!("{many} drops"),
    };
    let sure = percent(classification.confidence);
    if pattern == Pattern::Undetermined {
        return writeln!(out, "**Undetermined**: {} ({drops} judged).\n", pattern.meaning());
    }
    let title = capitalized(pattern.title());
    writeln!(out, "**{title}** ({sure}): {}, judged from {drops}.\n", pattern.meaning())
}

fn write_alternatives(out: &mut String, classification: &Classification) -> fmt::Result {
    let is_other =
        |one: &&Hypothesis| one.pattern != classification.pattern && one.probability >= MIN_PROBABILITY;
    let others: Vec<String> = classification
        .hypotheses
        .iter()
        .filter(is_other)
        .take(RUNNERS_UP)
        .map(|one| format!("{} ({})", one.pattern.title(), percent(one.probability)))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    writeln!(out, "- Else: {}", others.join(", "))
}

fn write_diagnosis(out: &mut String, diagnosis: &Diagnosis) -> fmt::Result {
    for seen in &diagnosis.also {
        writeln!(out, "- Also seen: {}", EscapedMarkdown(&seen.sentence))?;
    }
    if let Some(separate) = &diagnosis.separate {
        writeln!(out, "- To tell them apart: {}", EscapedMarkdown(separate))?;
    }
    if let Some(expected) = &diagnosis.expected {
        let (at, within) = (timestamp_text(&expected.at.to_rfc3339()), duration_text(expected.within_secs));
        writeln!(out, "- Next drop expected: {} ± {}", EscapedMarkdown(&at), EscapedMarkdown(&within))?;
    }
    if !diagnosis.causes.is_empty() {
        writeln!(out, "\nLikely causes:\n")?;
    }
    for (rank, cause) in diagnosis.causes.iter().enumerate() {
        writeln!(out, "{}. {} ({})", rank + 1, EscapedMarkdown(&cause.name), percent(cause.probability))?;
    }
    writeln!(out, "\nNext step: {}.\n", EscapedMarkdown(diagnosis.next.text.trim_end_matches('.')))
}

fn percent(probability: f64) -> String {
    format!("{:.0} %", probability * 100.0)
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
