//! The explanation of a verdict as an ordered page of typed items.
//!
//! Which rivals are listed, how a probability is rounded and which sentences belong together is decided here.
//! Renderers (screen, headless summary, analysis, Markdown, clipboard) only lay the items out.

use super::super::headline::percent;
use crate::classify::{
    AdviceAction, Classification, Diagnosis, Hypothesis, Pattern, RankedCause, SecondaryFinding, Verdict,
};
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::words;

/// Ranks of the sentences for and against the answer; the last one holds for all further sentences.
const RANKS_FOR: [usize; 3] = [3, 6, 9];
const RANKS_AGAINST: [usize; 2] = [4, 9];

/// The purpose of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemRole {
    /// What keeps the connection from working at this moment.
    Now,
    /// The name of the pattern, or of two.
    Answer,
    /// Probability of the answer; only where a pattern is named.
    Confidence,
    /// The number of drops taken into account.
    Basis,
    /// A cause of such a pattern with its probability, the most probable first.
    Cause,
    /// What the pattern means; with two causes one item for each.
    Meaning,
    /// The most probable pattern, where none is named.
    Lead,
    /// Evidence for the answer.
    EvidenceFor,
    /// Evidence against the answer.
    EvidenceAgainst,
    /// A pattern seen beside the answer.
    AlsoSeen,
    /// Another pattern that is possible, with its probability.
    Rival,
    /// Data that would be needed and are not there.
    Missing,
    /// A test that separates the answer from the first rival.
    SeparatingTest,
    /// The drops since the newest change, and those expected.
    Calm,
    /// The same, where the change ended the drops.
    Cured,
    /// When the next drop is expected.
    NextDrop,
    /// What to do next.
    NextStep,
}

/// One sentence with its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageItem {
    /// The purpose.
    pub role: ItemRole,
    /// The sentence, without the full stop.
    pub text: String,
    /// A shorter form for small screens.
    pub short: Option<String>,
    /// Importance on a small screen, 0 first; `None` if only a full page shows it.
    pub rank: Option<usize>,
    /// Whether a small screen shows it only beside evidence for the answer.
    pub needs_evidence: bool,
}

impl PageItem {
    fn new(role: ItemRole, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), short: None, rank: None, needs_evidence: false }
    }

    fn ranked(self, rank: usize) -> Self {
        Self { rank: Some(rank), ..self }
    }

    fn with_short(self, short: impl Into<String>) -> Self {
        Self { short: Some(short.into()), ..self }
    }

    /// The short form, or the text where there is none.
    pub fn short_text(&self) -> &str {
        self.short.as_deref().unwrap_or(&self.text)
    }
}

/// The explanation of a verdict, in the order of reading.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictPage {
    /// Whether a pattern is named.
    pub is_named: bool,
    /// Probability of the answer, 0 to 1; only where a pattern is named.
    pub confidence: Option<f64>,
    /// The kind of the next step.
    pub next_action: Option<AdviceAction>,
    items: Vec<PageItem>,
}

impl VerdictPage {
    /// The page of a verdict.
    pub fn new(verdict: &Verdict) -> Self {
        Self::from_parts(&verdict.classification, Some(&verdict.diagnosis))
    }

    /// The page of the two parts of a verdict that an export holds.
    pub fn from_parts(classification: &Classification, diagnosis: Option<&Diagnosis>) -> Self {
        let builder = PageBuilder { classification, diagnosis };
        let is_named = classification.is_named();
        Self {
            is_named,
            confidence: is_named.then_some(classification.confidence),
            next_action: diagnosis.map(|diagnosis| match diagnosis.now {
                Some(_) => AdviceAction::Outside,
                None => diagnosis.next.action,
            }),
            items: builder.items(),
        }
    }

    /// All items, in the order of reading.
    pub fn items(&self) -> &[PageItem] {
        &self.items
    }

    /// The items of one role.
    pub fn all(&self, role: ItemRole) -> impl Iterator<Item = &PageItem> {
        self.items.iter().filter(move |item| item.role == role)
    }

    /// The text of the first item of a role.
    pub fn text(&self, role: ItemRole) -> Option<&str> {
        self.all(role).next().map(|item| item.text.as_str())
    }

    /// The short forms of all items of a role, joined to one line; `None` without any.
    pub fn joined(&self, role: ItemRole) -> Option<String> {
        let texts: Vec<&str> = self.all(role).map(PageItem::short_text).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }
}

struct PageBuilder<'a> {
    classification: &'a Classification,
    diagnosis: Option<&'a Diagnosis>,
}

impl PageBuilder<'_> {
    fn items(&self) -> Vec<PageItem> {
        let classification = self.classification;
        let mut items: Vec<PageItem> = self.now().into_iter().collect();
        items.push(self.answer());
        if classification.is_named() {
            items.push(PageItem::new(ItemRole::Confidence, percent(classification.confidence)));
        }
        items.push(PageItem::new(ItemRole::Basis, drops_text(classification.drops)));
        items.extend(self.causes());
        items.extend(self.meanings());
        if !classification.is_named() {
            items.extend(self.lead());
            items.extend(self.missing(2));
        }
        items.extend(self.evidence_for());
        items.extend(self.evidence_against());
        items.extend(self.also_seen());
        items.extend(self.rivals());
        if classification.is_named() {
            items.extend(self.missing(7));
        }
        items.extend(self.separating_test().map(|test| PageItem::new(ItemRole::SeparatingTest, test)));
        items.extend(self.calm());
        items.extend(self.next_drop());
        items.extend(self.next_step());
        items
    }

    fn also(&self) -> &[SecondaryFinding] {
        self.diagnosis.map(|diagnosis| diagnosis.also.as_slice()).unwrap_or_default()
    }

    fn second_cause(&self) -> Option<&SecondaryFinding> {
        self.classification.second_cause(self.also())
    }

    fn answer(&self) -> PageItem {
        let answer = PageItem::new(ItemRole::Answer, self.classification.title(self.also()));
        match self.second_cause() {
            Some(_) => answer.with_short(format!("{} + 1 more", self.classification.pattern.title())),
            None => answer,
        }
    }

    /// A small screen shows only the most probable cause.
    fn causes(&self) -> impl Iterator<Item = PageItem> {
        let causes = self.diagnosis.map(|diagnosis| diagnosis.causes.as_slice()).unwrap_or_default();
        causes.iter().enumerate().map(|(index, cause)| {
            let item = PageItem::new(ItemRole::Cause, cause_text(cause));
            if index == 0 { item.ranked(1) } else { item }
        })
    }

    fn meanings(&self) -> Vec<PageItem> {
        let classification = self.classification;
        let pattern = classification.pattern;
        if !classification.is_named() {
            return vec![PageItem::new(ItemRole::Meaning, pattern.meaning())];
        }
        let has_cause = self.diagnosis.is_some_and(|diagnosis| !diagnosis.causes.is_empty());
        let rank = if has_cause { 5 } else { 1 };
        let Some(second) = self.second_cause() else {
            return vec![PageItem::new(ItemRole::Meaning, pattern.meaning()).ranked(rank)];
        };
        let hits = classification.hypothesis(pattern).map_or(0, |one| one.hits);
        let share = |hits: u64, pattern: Pattern| {
            let share = format!("{hits} of {}", drops_text(classification.drops));
            PageItem::new(ItemRole::Meaning, format!("{share}: {}", pattern.meaning()))
                .with_short(format!("{share}: {}", pattern.title()))
                .ranked(rank)
        };
        vec![share(hits, pattern), share(second.hits, second.pattern)]
    }

    fn lead(&self) -> Option<PageItem> {
        let lead = self.classification.leading_hypothesis()?;
        let short = format!("at best {}", hypothesis_text(lead));
        let text = format!("{short}: {}", lead.pattern.meaning());
        Some(PageItem::new(ItemRole::Lead, text).with_short(short).ranked(1))
    }

    fn missing(&self, rank: usize) -> Option<PageItem> {
        let missing = self.classification.missing.as_deref()?;
        Some(PageItem::new(ItemRole::Missing, missing).ranked(rank))
    }

    /// A small screen shows further sentences only after the first, and all of them only where a pattern is named.
    fn evidence_for(&self) -> impl Iterator<Item = PageItem> {
        let is_named = self.classification.is_named();
        self.classification.evidence.iter().enumerate().map(move |(index, text)| PageItem {
            needs_evidence: is_named && index > 0,
            ..PageItem::new(ItemRole::EvidenceFor, text.as_str()).ranked(if is_named {
                rank(&RANKS_FOR, index)
            } else {
                3
            })
        })
    }

    /// Evidence against the answer alone would mislead: it needs evidence for it.
    fn evidence_against(&self) -> impl Iterator<Item = PageItem> {
        let against = self.diagnosis.map(|diagnosis| diagnosis.against.as_slice()).unwrap_or_default();
        let has_evidence = !self.classification.evidence.is_empty();
        let is_named = self.classification.is_named();
        against.iter().enumerate().map(move |(index, text)| PageItem {
            needs_evidence: has_evidence,
            rank: is_named.then(|| rank(&RANKS_AGAINST, index)),
            ..PageItem::new(ItemRole::EvidenceAgainst, text.as_str())
        })
    }

    /// Findings beside the answer; a second cause is part of the answer.
    fn also_seen(&self) -> impl Iterator<Item = PageItem> {
        let drops = self.classification.drops;
        let is_named = self.classification.is_named();
        self.also().iter().skip(usize::from(self.second_cause().is_some())).map(move |seen| PageItem {
            rank: is_named.then_some(8),
            ..PageItem::new(ItemRole::AlsoSeen, seen.sentence.as_str()).with_short(format!(
                "also {} of {}: {}",
                seen.hits,
                drops_text(drops),
                seen.pattern.title()
            ))
        })
    }

    /// A small screen shows only the first rival, together with the test that separates it from the answer.
    fn rivals(&self) -> impl Iterator<Item = PageItem> {
        self.classification.rivals(self.also()).enumerate().map(|(index, rival)| {
            let short = hypothesis_text(rival);
            if index > 0 {
                return PageItem::new(ItemRole::Rival, short);
            }
            // The sentence begins with the names of both patterns.
            let of_both = self.separating_test().filter(|test| test.contains(rival.pattern.title()));
            let text = match of_both.and_then(|test| test.split_once(": ")) {
                Some((_, test)) => format!("{short}: {test}"),
                None => short.clone(),
            };
            PageItem::new(ItemRole::Rival, text).with_short(short).ranked(5)
        })
    }

    fn now(&self) -> Option<PageItem> {
        let fault = self.diagnosis?.now.as_ref()?;
        Some(PageItem::new(ItemRole::Now, fault.headline()).with_short(fault.sentence.as_str()).ranked(0))
    }

    fn calm(&self) -> Option<PageItem> {
        let calm = self.diagnosis?.calm?;
        let role = if calm.is_success() { ItemRole::Cured } else { ItemRole::Calm };
        Some(PageItem::new(role, calm.sentence()).ranked(2))
    }

    /// While something is wrong now, that is what to mend first.
    fn next_step(&self) -> Option<PageItem> {
        let diagnosis = self.diagnosis?;
        let text = diagnosis.now.as_ref().map_or(diagnosis.next.text.as_str(), |fault| fault.advice.as_str());
        Some(PageItem::new(ItemRole::NextStep, text))
    }

    fn separating_test(&self) -> Option<&str> {
        self.diagnosis.and_then(|diagnosis| diagnosis.separate.as_deref())
    }

    fn next_drop(&self) -> Option<PageItem> {
        let expected = self.diagnosis?.expected?;
        let half_width = duration_words(expected.half_width());
        let text = format!("{} UTC ± {half_width}", expected.at.format("%Y-%m-%d %H:%M:%S"));
        Some(PageItem::new(ItemRole::NextDrop, text))
    }
}

fn rank(ranks: &[usize], index: usize) -> usize {
    ranks.get(index).or(ranks.last()).copied().unwrap_or_default()
}

fn drops_text(drops: u64) -> String {
    if drops == 0 { "no drop".into() } else { words::count(drops, "drop", "drops") }
}

/// `random loss, 7 %`.
fn hypothesis_text(hypothesis: &Hypothesis) -> String {
    format!("{}, {}", hypothesis.pattern.title(), percent(hypothesis.probability))
}

fn cause_text(cause: &RankedCause) -> String {
    format!("{}, {}", cause.name, percent(cause.probability))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pattern: Pattern, shares: &[(Pattern, f64)]) -> Verdict {
        let mut verdict = crate::classify::headline::tests::verdict(pattern, shares);
        verdict.classification.drops = 9;
        verdict
    }

    fn texts(page: &VerdictPage, role: ItemRole) -> Vec<&str> {
        page.all(role).map(|item| item.text.as_str()).collect()
    }

    #[test]
    fn a_named_pattern_lists_its_rivals_and_the_test_that_separates_the_first() {
        let shares = [
            (Pattern::IdleTimeout, 0.8),
            (Pattern::Random, 0.1),
            (Pattern::Undetermined, 0.05),
            (Pattern::Bursty, 0.04),
            (Pattern::Outage, 0.01),
        ];
        let mut verdict = verdict(Pattern::IdleTimeout, &shares);
        verdict.diagnosis.separate = Some("idle timeout or random loss: wait".into());
        let page = VerdictPage::new(&verdict);
        assert_eq!(texts(&page, ItemRole::Rival), ["random loss, 10 %: wait", "bursts, 4 %"]);
        assert_eq!(page.joined(ItemRole::Rival).as_deref(), Some("random loss, 10 %; bursts, 4 %"));
        assert_eq!(page.text(ItemRole::SeparatingTest), Some("idle timeout or random loss: wait"));
        assert_eq!(page.text(ItemRole::Confidence), Some("80 %"));
        assert_eq!(page.text(ItemRole::Basis), Some("9 drops"));
    }

    #[test]
    fn two_causes_have_one_meaning_each_and_are_no_finding_beside_the_answer() {
        let shares = [(Pattern::FixedLifetime, 0.7), (Pattern::Outage, 0.27)];
        let mut verdict = verdict(Pattern::FixedLifetime, &shares);
        verdict.classification.confidence = 0.97;
        let finding = |pattern| SecondaryFinding { pattern, hits: 4, sentence: "4 drops".into() };
        verdict.diagnosis.also = vec![finding(Pattern::Outage), finding(Pattern::Scheduled)];
        let page = VerdictPage::new(&verdict);
        assert_eq!(page.text(ItemRole::Answer), Some("fixed lifetime and outage"));
        assert_eq!(page.joined(ItemRole::Answer).as_deref(), Some("fixed lifetime + 1 more"));
        assert_eq!(page.all(ItemRole::Meaning).count(), 2);
        assert_eq!(page.joined(ItemRole::AlsoSeen).as_deref(), Some("also 4 of 9 drops: scheduled"));
    }

    #[test]
    fn without_a_pattern_the_page_has_a_lead_and_no_confidence() {
        let shares = [(Pattern::Undetermined, 0.5), (Pattern::Scheduled, 0.3), (Pattern::Bursty, 0.2)];
        let page = VerdictPage::new(&verdict(Pattern::Undetermined, &shares));
        assert_eq!((page.confidence, page.text(ItemRole::Confidence)), (None, None));
        assert_eq!(page.joined(ItemRole::Lead).as_deref(), Some("at best scheduled, 30 %"));
        assert_eq!(texts(&page, ItemRole::Rival), ["bursts, 20 %"]);
        assert_eq!(page.text(ItemRole::Missing), Some("no drop yet"));
    }
}
