//! Finds known words that are similar to an unknown text.

use std::collections::BTreeSet;

use super::SimilarEntry;
use super::knowledge::{Knowledge, KnowledgeEntry};
use super::matching::is_word;

/// Words of a text that are compared at most.
const MAX_WORDS: usize = 40;

/// Letters of a word that are compared at most.
const MAX_WORD_CHARS: usize = 40;

/// Shorter words are not significant.
const MIN_WORD_CHARS: usize = 4;

/// Suggestions at most.
const MAX_RESULTS: usize = 3;

/// Words that occur in half of all lines.
const COMMON_WORDS: [&str; 26] = [
    "mqtt",
    "error",
    "client",
    "server",
    "broker",
    "connection",
    "connect",
    "connected",
    "failed",
    "from",
    "with",
    "code",
    "reason",
    "disconnected",
    "this",
    "that",
    "have",
    "been",
    "info",
    "warning",
    "while",
    "after",
    "warn",
    "debug",
    "read",
    "write",
];

/// Known wordings that share words with the text, or words with nearly the same spelling; the best first.
pub(super) fn similar_entries(text: &str, knowledge: &Knowledge) -> Vec<SimilarEntry> {
    let query_words = words(text);
    let mut scored: Vec<(f64, &KnowledgeEntry)> = knowledge
        .entries
        .iter()
        .filter(|entry| !entry.patterns.is_empty() && !entry.is_generated)
        .map(|entry| (score(&query_words, entry), entry))
        .filter(|(score, _)| *score > 0.5)
        .collect();
    scored.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    scored.truncate(MAX_RESULTS);
    let to_similar = |(_, entry): (f64, &KnowledgeEntry)| SimilarEntry {
        id: entry.id.clone(),
        source: entry.source.clone(),
        name: entry.name.clone(),
    };
    scored.into_iter().map(to_similar).collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|character| !is_word(character))
        .map(|word| word.chars().take(MAX_WORD_CHARS).collect::<String>())
        .filter(|word| word.len() >= MIN_WORD_CHARS && !COMMON_WORDS.contains(&word.as_str()))
        .filter(|word| word.chars().any(char::is_alphabetic))
        .take(MAX_WORDS)
        .collect()
}

/// The best share of a pattern's words that the text has.
fn score(query_words: &BTreeSet<String>, entry: &KnowledgeEntry) -> f64 {
    let pattern_score = |pattern: &String| {
        let pattern = super::matching::normalize_text(pattern);
        let all = pattern.split(|character| !is_word(character)).filter(|word| !word.is_empty()).count();
        let known = words(&pattern);
        let shared: f64 = known
            .iter()
            .map(|word| query_words.iter().map(|other| word_similarity(word, other)).fold(0.0, f64::max))
            .sum();
        // Over all words: one match is not enough for a long wording, or for one of common words.
        shared / f64::from(u32::try_from(all).unwrap_or(u32::MAX).max(1))
    };
    entry.patterns.iter().map(pattern_score).fold(0.0, f64::max)
}

/// 1 for the same word, less for nearly the same spelling, else 0.
fn word_similarity(left: &str, right: &str) -> f64 {
    if left == right {
        return 1.0;
    }
    let longest = left.chars().count().max(right.chars().count());
    let distance = strsim::levenshtein(left, right);
    match distance {
        1 if longest >= 6 => 0.9,
        2 if longest >= 7 => 0.75,
        3 if longest >= 9 => 0.6,
        _ => 0.0,
    }
}
