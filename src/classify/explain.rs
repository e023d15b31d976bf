//! Explains a line of another program's log, an error name or a code, with its likely causes.
//!
//! Pure: text in, explanation out. The known wordings are in `explain/*.toml`; the causes are those of the catalog.

mod json;
mod knowledge;
mod matching;
mod similar;

use serde::Serialize;

use super::RankedCause;
use super::causes::{GuideOutcome, cause};
use crate::diagnostics::clean::clean;
use knowledge::{KNOWLEDGE, KnowledgeEntry};

/// Characters of a text that are searched; the reason of a closed connection comes before that.
const MAX_TEXT_CHARS: usize = 4096;

/// Characters of the text that are shown.
const MAX_SHOWN_CHARS: usize = 300;

/// Further meanings listed at most.
const MAX_FURTHER_MEANINGS: usize = 5;

/// What a text means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The text, cleaned and shortened.
    pub text: String,
    /// The best meaning; `None` if nothing in the text is known.
    pub found: Option<Meaning>,
    /// Further meanings: another reading of a number, or other matches in the text.
    pub also: Vec<Meaning>,
    /// Known words that look like the text, when nothing is known.
    pub nearest: Vec<SimilarEntry>,
    /// What to do when nothing is known.
    pub advice: Option<String>,
}

/// A known meaning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meaning {
    /// Stable key.
    pub id: String,
    /// The program or protocol that uses it.
    pub source: String,
    /// Its name there.
    pub name: String,
    /// What it means, in plain words.
    pub meaning: String,
    /// Whether it is no sign of a problem.
    pub is_harmless: bool,
    /// Likely causes, the most probable first (sum at most 1).
    pub causes: Vec<LikelyCause>,
    /// Steps for this line in particular.
    pub steps: Vec<String>,
}

/// A cause with the first check and a fix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LikelyCause {
    /// The cause with its probability.
    #[serde(flatten)]
    pub cause: RankedCause,
    /// Its outcome among the four of the guide.
    pub outcome: GuideOutcome,
    /// How to check whether it is the cause.
    pub check: String,
    /// How to end it.
    pub fix: String,
}

/// A known word that looks like the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimilarEntry {
    /// Stable key.
    pub id: String,
    /// The program or protocol that uses it.
    pub source: String,
    /// Its name there.
    pub name: String,
}

const ADVICE: &str = "Nothing in this text is known here. Look for the first error before it: later lines are often \
                      consequences. Error names, reason codes and disconnect reasons can be given alone. Or watch the \
                      connection with dropscope itself, which sees how it ends.";

/// Explains a log line, an error name, a code, or an event as JSON; if nothing in it is known, with the known words that look
/// like it. Their search takes milliseconds: for a line among many use [`explain_line`].
pub fn explain(text: &str) -> Explanation {
    let explanation = explain_line(text);
    if explanation.found.is_some() {
        return explanation;
    }
    Explanation { nearest: similar::similar_entries(&searched_text(text), &KNOWLEDGE), ..explanation }
}

/// The part of a text that is searched, normalized.
fn searched_text(text: &str) -> String {
    let reduced = json::extract_reason(text).unwrap_or_else(|| shortened(text, MAX_TEXT_CHARS));
    matching::normalize_text(&reduced)
}

/// Explains one line of a log, without similar words if nothing in it is known.
pub fn explain_line(text: &str) -> Explanation {
    let display_text = shortened(clean(text).trim(), MAX_SHOWN_CHARS);
    let mut entries = KNOWLEDGE.find(&searched_text(text)).into_iter();
    let found = entries.next().map(meaning);
    let also = entries.take(MAX_FURTHER_MEANINGS).map(meaning).collect();
    let advice = found.is_none().then(|| ADVICE.to_owned());
    Explanation { text: display_text, found, also, nearest: Vec::new(), advice }
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

fn meaning(entry: &KnowledgeEntry) -> Meaning {
    Meaning {
        id: entry.id.clone(),
        source: entry.source.clone(),
        name: entry.name.clone(),
        meaning: entry.meaning.clone(),
        is_harmless: entry.is_harmless,
        causes: likely_causes(entry),
        steps: entry.steps.clone(),
    }
}

/// The weights are estimated percentages; the remainder belongs to unlisted causes.
fn likely_causes(entry: &KnowledgeEntry) -> Vec<LikelyCause> {
    let sum: f64 = entry.causes.values().sum();
    let total = sum.max(100.0);
    let mut causes: Vec<LikelyCause> = entry
        .causes
        .iter()
        .filter_map(|(id, weight)| cause(id).map(|cause| (cause, weight / total)))
        .map(|(cause, probability)| LikelyCause {
            cause: (cause, probability).into(),
            outcome: cause.outcome,
            check: cause.client_check.first().cloned().unwrap_or_default(),
            fix: cause.fix.first().cloned().unwrap_or_default(),
        })
        .collect();
    causes.sort_by(|left, right| right.cause.probability.total_cmp(&left.cause.probability));
    causes
}

#[cfg(test)]
mod tests;
