//! The known wordings and codes of other programs, and the search for them in a text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use super::matching::{MatchSpan, Number, WordingPattern, number_after, number_at};
use crate::diagnostics::error_name;

/// A known wording or code.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct KnowledgeEntry {
    /// Stable key.
    pub(super) id: String,
    /// The program or protocol that uses it.
    pub(super) source: String,
    /// Its name there.
    pub(super) name: String,
    /// The wordings; `*` matches up to four words.
    pub(super) patterns: Vec<String>,
    /// The meaning in plain words.
    pub(super) meaning: String,
    /// Weight in percent, by cause.
    pub(super) causes: BTreeMap<String, f64>,
    /// Steps for this line in particular.
    pub(super) steps: Vec<String>,
    /// Whether it is no sign of a problem.
    pub(super) is_harmless: bool,
    /// Whether any more specific match in the same text precedes it.
    pub(super) is_generic: bool,
    /// Whether it was generated from a list of names.
    #[serde(skip)]
    pub(super) is_generated: bool,
}

#[derive(Deserialize)]
struct CodeEntry {
    number: i64,
    /// Key of the entry with the same meaning.
    same_as: Option<String>,
    #[serde(flatten)]
    entry: KnowledgeEntry,
}

#[derive(Deserialize)]
struct CrtFamily {
    prefix: String,
    meaning: String,
    causes: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct CodeTableData {
    id: String,
    source: String,
    contexts: Vec<String>,
    #[serde(default)]
    hints: Vec<String>,
    #[serde(default)]
    against: Vec<String>,
    whole: i64,
    #[serde(default)]
    is_hex: bool,
    #[serde(default = "lowest")]
    least: i64,
    code: Vec<CodeEntry>,
}

fn lowest() -> i64 {
    i64::MIN
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KnowledgeFile {
    phrase: Vec<KnowledgeEntry>,
    family: Vec<CrtFamily>,
    table: Vec<CodeTableData>,
}

/// Numbers of one kind.
struct CodeTable {
    contexts: Vec<WordingPattern>,
    hints: Vec<WordingPattern>,
    against: Vec<WordingPattern>,
    whole: i64,
    is_hex: bool,
    least: i64,
    /// Index of the entry by number.
    codes: BTreeMap<i64, usize>,
}

/// All known wordings and codes.
#[derive(Default)]
pub(super) struct Knowledge {
    /// Wordings and codes.
    pub(super) entries: Vec<KnowledgeEntry>,
    patterns: Vec<(usize, WordingPattern)>,
    first_pieces: FirstPieces,
    tables: Vec<CodeTable>,
}

/// Finds the wordings whose first literal piece a text contains, in one pass: most lines contain none.
#[derive(Default)]
struct FirstPieces {
    /// `None` if the automaton cannot be built; then every wording is a candidate.
    automaton: Option<AhoCorasick>,
    /// Number of wordings.
    count: usize,
}

impl FirstPieces {
    fn new(patterns: &[(usize, WordingPattern)]) -> Self {
        let pieces = patterns.iter().map(|(_, pattern)| pattern.first_piece());
        Self { automaton: AhoCorasick::new(pieces).ok(), count: patterns.len() }
    }

    /// Indices of the wordings that may match, ascending.
    fn candidates(&self, text: &str) -> BTreeSet<usize> {
        match &self.automaton {
            Some(automaton) => {
                automaton.find_overlapping_iter(text).map(|found| found.pattern().as_usize()).collect()
            }
            None => (0..self.count).collect(),
        }
    }
}

/// The data files.
pub(super) const FILES: [&str; 4] = [
    include_str!("aws.toml"),
    include_str!("programs.toml"),
    include_str!("system.toml"),
    include_str!("codes.toml"),
];

/// Codes and names of the AWS Common Runtime, one per line.
const CRT_NAMES: &str = include_str!("crt_names.txt");

/// Smaller codes of the Common Runtime are too common as plain numbers.
const LEAST_CRT_CODE: i64 = 1024;

/// Additional weight of a number after its context, over a wording of the same length.
const NUMBER_WEIGHT: i64 = 24;

/// Weight of a word that matches, or does not match, the context of a table.
const HINT_WEIGHT: i64 = 20;

/// An invalid file is left out; a test proves that all are valid.
pub(super) static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| {
    let mut whole = KnowledgeFile::default();
    for text in FILES {
        let file: KnowledgeFile = toml::from_str(text).unwrap_or_default();
        whole.phrase.extend(file.phrase);
        whole.family.extend(file.family);
        whole.table.extend(file.table);
    }
    Knowledge::new(whole)
});

/// A match in a text.
struct TextMatch {
    entry: usize,
    span: Range<usize>,
    is_number: bool,
    score: i64,
}

impl Knowledge {
    fn new(file: KnowledgeFile) -> Self {
        let mut knowledge = Self { entries: file.phrase, ..Self::default() };
        for table in file.table {
            knowledge.add_table(table);
        }
        knowledge.add_crt_names(&file.family);
        for (index, entry) in knowledge.entries.iter().enumerate() {
            knowledge.patterns.extend(entry.patterns.iter().map(|text| (index, WordingPattern::new(text))));
        }
        knowledge.first_pieces = FirstPieces::new(&knowledge.patterns);
        knowledge
    }

    fn add_table(&mut self, table: CodeTableData) {
        let mut codes = BTreeMap::new();
        for code in table.code {
            let number = code.number;
            let known = code.same_as.and_then(|id| self.entries.iter().position(|entry| entry.id == id));
            if let Some(same) = known {
                codes.insert(number, same);
                continue;
            }
            let mut entry = code.entry;
            entry.id = format!("{}_{number}", table.id);
            table.source.clone_into(&mut entry.source);
            let hex = if table.is_hex { format!("0x{number:02X}, ") } else { String::new() };
            entry.name = format!("{} ({hex}{number})", entry.name);
            codes.insert(number, self.entries.len());
            self.entries.push(entry);
        }
        let patterns = |texts: &[String]| texts.iter().map(|text| WordingPattern::new(text)).collect();
        self.tables.push(CodeTable {
            contexts: patterns(&table.contexts),
            hints: patterns(&table.hints),
            against: patterns(&table.against),
            whole: table.whole,
            is_hex: table.is_hex,
            least: table.least,
            codes,
        });
    }

    /// Adds an entry for every name of the Common Runtime, by its family if there is no better one.
    fn add_crt_names(&mut self, families: &[CrtFamily]) {
        let mut codes = BTreeMap::new();
        for line in CRT_NAMES.lines() {
            let Some((code, name)) = line.split_once(' ') else { continue };
            let Ok(code) = code.parse::<i64>() else { continue };
            let pattern = name.to_lowercase();
            let known = self.entries.iter().position(|entry| entry.patterns.contains(&pattern));
            let index = known.unwrap_or(self.entries.len());
            if known.is_none() {
                let Some(family) = families.iter().find(|family| name.starts_with(&family.prefix)) else {
                    continue;
                };
                self.entries.push(crt_entry(name, pattern, family));
            }
            if let (Some(entry), Some(official)) =
                (self.entries.get_mut(index), error_name::ErrorName::by_name(name))
            {
                let text = official.text.trim_end_matches('.').to_lowercase();
                // Short texts ("Success.") occur in too many lines.
                if text.len() >= 24 && !entry.patterns.contains(&text) {
                    entry.patterns.push(text);
                }
            }
            codes.insert(code, index);
        }
        let contexts = ["code", "error code", "error", "aws error", "crt error", "errorcode", "error_code"];
        self.tables.push(CodeTable {
            contexts: contexts.iter().map(|text| WordingPattern::new(text)).collect(),
            hints: Vec::new(),
            against: Vec::new(),
            whole: 3,
            is_hex: false,
            least: LEAST_CRT_CODE,
            codes,
        });
    }

    /// The matches in a normalized text, the best first.
    pub(super) fn find(&self, text: &str) -> Vec<&KnowledgeEntry> {
        let mut found = self.whole_number(text);
        if found.is_empty() {
            let (wordings, hidden) = self.wordings(text);
            found = wordings;
            found.extend(self.numbers(text));
            let is_within =
                |gap: &Range<usize>, span: &Range<usize>| gap.start <= span.start && span.end <= gap.end;
            found.retain(|found| !hidden.iter().any(|gap| is_within(gap, &found.span)));
        }
        let is_generic =
            |found: &TextMatch| self.entries.get(found.entry).is_some_and(|entry| entry.is_generic);
        found.sort_by_key(|found| (is_generic(found), -found.score));
        let mut selected: Vec<TextMatch> = Vec::new();
        for found in found {
            let is_inside = |other: &TextMatch| {
                let contains = other.span.start <= found.span.start && found.span.end <= other.span.end;
                contains && !(other.is_number && found.is_number)
            };
            if !selected.iter().any(is_inside) && selected.iter().all(|other| other.entry != found.entry) {
                selected.push(found);
            }
        }
        selected.iter().filter_map(|found| self.entries.get(found.entry)).collect()
    }

    /// The wordings in a text, and the ranges of names, in which matches do not count.
    fn wordings(&self, text: &str) -> (Vec<TextMatch>, Vec<Range<usize>>) {
        let mut hidden = Vec::new();
        let mut found = Vec::new();
        let candidates = self.first_pieces.candidates(text);
        for (entry, pattern) in candidates.into_iter().filter_map(|index| self.patterns.get(index)) {
            let Some(MatchSpan { whole, gaps }) = pattern.find(text) else { continue };
            if pattern.gaps_are_names() {
                hidden.extend(gaps);
            }
            found.push(TextMatch {
                entry: *entry,
                span: whole,
                is_number: false,
                score: pattern.letters.into(),
            });
        }
        (found, hidden)
    }

    fn numbers(&self, text: &str) -> Vec<TextMatch> {
        let mut found = Vec::new();
        for table in &self.tables {
            let matches_any =
                |patterns: &[WordingPattern]| patterns.iter().any(|pattern| pattern.find(text).is_some());
            let hints =
                HINT_WEIGHT * (i64::from(matches_any(&table.hints)) - i64::from(matches_any(&table.against)));
            for context in &table.contexts {
                for place in context.find_all(text) {
                    let Some(number) = number_after(text, place.whole.end) else { continue };
                    let Some(entry) = table.entry(number) else { continue };
                    let score = NUMBER_WEIGHT + i64::from(context.letters) + hints;
                    found.push(TextMatch {
                        entry,
                        span: place.whole.start..number.end,
                        is_number: true,
                        score,
                    });
                }
            }
        }
        found
    }

    /// All meanings of a text that is only a number.
    fn whole_number(&self, text: &str) -> Vec<TextMatch> {
        let text = text.trim_matches(|c: char| !(c.is_alphanumeric() || c == '-'));
        let Some(number) = number_at(text, 0).filter(|number| number.end == text.len()) else {
            return Vec::new();
        };
        let read_as_code = |table: &CodeTable| {
            let entry = table.entry(number)?;
            let hex = if number.is_hex && table.is_hex { 10 } else { 0 };
            Some(TextMatch { entry, span: 0..text.len(), is_number: true, score: table.whole + hex })
        };
        self.tables.iter().filter_map(read_as_code).collect()
    }

    /// Every key, for tests.
    #[cfg(test)]
    pub(super) fn ids(&self) -> std::collections::BTreeSet<&str> {
        self.entries.iter().map(|entry| entry.id.as_str()).collect()
    }
}

impl CodeTable {
    fn entry(&self, number: Number) -> Option<usize> {
        if number.value < self.least {
            return None;
        }
        self.codes.get(&number.value).copied()
    }
}

fn crt_entry(name: &str, pattern: String, family: &CrtFamily) -> KnowledgeEntry {
    let words = name.trim_start_matches("AWS_").trim_start_matches("ERROR_").replace('_', " ").to_lowercase();
    KnowledgeEntry {
        id: format!("crt_{}", pattern.trim_start_matches("aws_")),
        source: "AWS SDK (CRT)".into(),
        name: name.to_owned(),
        patterns: vec![pattern],
        meaning: format!("{} Name: {words}.", family.meaning),
        causes: family.causes.clone(),
        is_generated: true,
        ..KnowledgeEntry::default()
    }
}
