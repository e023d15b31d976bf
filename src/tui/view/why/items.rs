//! What is there to say about the drops, and how important is each sentence?

use ratatui::style::Style;

use crate::classify::{AdviceAction, Pattern, SecondaryFinding, Verdict, confidence_word, percent};
use crate::diagnostics::facts::{self, DropFacts, NextStep};
use crate::tui::keymap::Action;

use super::super::ViewContext;

/// What stands before a sentence and says what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemRole {
    /// The answer in plain words.
    Plain,
    /// Speaks for the answer, or was seen.
    For,
    /// Speaks against it.
    Against,
    /// Would be needed and is not there.
    Missing,
    /// What it may be instead.
    Alternative,
    /// Seen beside the answer.
    Also,
}

impl ItemRole {
    /// The sign, how it looks, and how the text after it looks.
    pub(super) fn prefix_and_styles(self, context: &ViewContext) -> (String, Style, Style) {
        let theme = context.theme;
        let (sign, prefix_style, text) = match self {
            Self::Plain => ("", theme.text, theme.text),
            Self::For => ("+ ", theme.good, theme.text),
            // A hyphen in ASCII, the minus sign elsewhere.
            Self::Against if context.glyphs.bar.is_ascii() => ("- ", theme.bad, theme.text),
            Self::Against => ("\u{2212} ", theme.bad, theme.text),
            Self::Missing => ("? ", theme.warn, theme.dim),
            Self::Alternative => ("or ", theme.warn, theme.dim),
            Self::Also => ("& ", theme.accent, theme.text),
        };
        (sign.to_owned(), prefix_style, text)
    }
}

/// One sentence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WhyItem {
    /// What it is for.
    pub(super) role: ItemRole,
    /// The sentence.
    pub(super) text: String,
    /// A shorter one, for want of room.
    pub(super) short: Option<String>,
    /// 0 is the most important.
    pub(super) rank: usize,
    /// Only beside something that speaks for the answer.
    pub(super) needs_support: bool,
}

impl WhyItem {
    fn new(role: ItemRole, rank: usize, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), short: None, rank, needs_support: false }
    }
}

/// How sure the answer is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConfidenceLabel {
    /// Number and word: `91 % sure`.
    pub(super) text: String,
    /// Its looks.
    pub(super) style: Style,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SuggestedStep {
    /// The instruction.
    pub(super) text: String,
    /// What a key can do about it.
    pub(super) action: Option<Action>,
}

/// Everything the panel can say.
pub(super) struct WhyContent {
    /// The headline.
    pub(super) answer: String,
    /// A shorter one, for want of room.
    pub(super) short: Option<String>,
    /// How sure it is, where a pattern is named.
    pub(super) confidence: Option<ConfidenceLabel>,
    /// The sentences in the order of reading.
    pub(super) items: Vec<WhyItem>,
    /// The next step.
    pub(super) step: SuggestedStep,
}

impl WhyContent {
    /// What can be said of the state shown.
    pub(super) fn from_context(context: &ViewContext) -> Self {
        let facts = facts::drop_facts(context.snapshot());
        let verdict = context.published.verdict.as_deref();
        let step = suggested_step(verdict, &facts);
        match verdict {
            Some(verdict) if verdict.is_named() => Self::named(context, verdict, step),
            Some(verdict) if verdict.classification.drops > 0 => Self::undetermined(verdict, &facts, step),
            _ => Self {
                answer: facts.headline.clone(),
                short: None,
                confidence: None,
                items: fact_items(&facts, 0),
                step,
            },
        }
    }

    /// A pattern is named.
    fn named(context: &ViewContext, verdict: &Verdict, step: SuggestedStep) -> Self {
        let classification = &verdict.classification;
        let mut items = meaning_items(verdict);
        items.extend(ranked_items(ItemRole::For, &classification.evidence, &[3, 6, 9]));
        // The second sentence says little without the first, and a doubt alone would mislead.
        items
            .iter_mut()
            .filter(|item| item.role == ItemRole::For)
            .skip(1)
            .for_each(|item| item.needs_support = true);
        let doubts = ranked_items(ItemRole::Against, &verdict.diagnosis.against, &[4, 9]).into_iter();
        items.extend(
            doubts.map(|item| WhyItem { needs_support: !classification.evidence.is_empty(), ..item }),
        );
        let also = verdict.diagnosis.also.iter().skip(usize::from(verdict.second_cause().is_some()));
        items.extend(
            also.map(|seen| {
                WhyItem::new(ItemRole::Also, 8, secondary_finding_text(seen, classification.drops))
            }),
        );
        items.extend(alternative_item(verdict));
        items.extend(
            classification.missing.iter().map(|missing| WhyItem::new(ItemRole::Missing, 7, missing.as_str())),
        );
        let confidence = Some(confidence_label(context, classification.confidence));
        let first = classification.pattern.title().to_uppercase();
        let short = verdict.second_cause().map(|_| format!("{first} + 1 MORE"));
        Self { answer: verdict.title().to_uppercase(), short, confidence, items, step }
    }

    /// There were drops, but nothing can be said yet: the lead, what would be needed, then plain facts.
    fn undetermined(verdict: &Verdict, facts: &DropFacts, step: SuggestedStep) -> Self {
        let classification = &verdict.classification;
        let few = classification.drops < facts::MIN_DROPS_FOR_PATTERN;
        let answer = if few { "NOT ENOUGH DROPS YET" } else { "NO CLEAR PATTERN YET" };
        let mut items = Vec::new();
        items.extend(verdict.leading_hypothesis().map(|leading| {
            let (title, meaning) = (leading.pattern.title(), leading.pattern.meaning());
            let short = format!("at best {title}, {}", percent(leading.probability));
            let text = format!("{short}: {meaning}");
            WhyItem { short: Some(short), ..WhyItem::new(ItemRole::Plain, 1, text) }
        }));
        items.extend(
            classification.missing.iter().map(|missing| WhyItem::new(ItemRole::Plain, 2, missing.as_str())),
        );
        items.extend(ranked_items(ItemRole::For, &classification.evidence, &[3]));
        items.extend(alternative_item(verdict));
        items.extend(fact_items(facts, 4));
        Self { answer: answer.to_owned(), short: None, confidence: None, items, step }
    }
}

/// Number and word, and looks for each word.
fn confidence_label(context: &ViewContext, probability: f64) -> ConfidenceLabel {
    let theme = context.theme;
    let word = confidence_word(probability);
    let style = match word {
        "sure" => theme.good.patch(theme.strong),
        "likely" => theme.strong,
        _ => theme.warn,
    };
    ConfidenceLabel { text: format!("{} {word}", percent(probability)), style }
}

/// What the answer means, for each of two causes; before it the most probable cause of the catalogue.
fn meaning_items(verdict: &Verdict) -> Vec<WhyItem> {
    let classification = &verdict.classification;
    let mut items = Vec::new();
    let cause = verdict.cause();
    items.extend(cause.map(|cause| {
        WhyItem::new(ItemRole::Plain, 1, format!("{}, {}", cause.name, percent(cause.probability)))
    }));
    let rank = if cause.is_some() { 5 } else { 1 };
    let Some(second) = verdict.second_cause() else {
        items.push(WhyItem::new(ItemRole::Plain, rank, classification.pattern.meaning()));
        return items;
    };
    let hits = verdict.hypothesis(classification.pattern).map_or(0, |one| one.hits);
    let cause_item = |hits: u64, pattern: Pattern| {
        let share = format!("{hits} of {} drops", classification.drops);
        WhyItem {
            short: Some(format!("{share}: {}", pattern.title())),
            ..WhyItem::new(ItemRole::Plain, rank, format!("{share}: {}", pattern.meaning()))
        }
    };
    items.extend([cause_item(hits, classification.pattern), cause_item(second.hits, second.pattern)]);
    items
}

/// `also 4 of 48 drops: outage`.
fn secondary_finding_text(finding: &SecondaryFinding, drops: u64) -> String {
    format!("also {} of {drops} drops: {}", finding.hits, finding.pattern.title())
}

/// What it may be instead, and what would decide.
fn alternative_item(verdict: &Verdict) -> Option<WhyItem> {
    let alternative = verdict.runner_up()?;
    let short = format!("{}, {}", alternative.pattern.title(), percent(alternative.probability));
    // The sentence begins with the names of both.
    let separate = verdict.diagnosis.separate.as_deref();
    let of_both = separate.filter(|sentence| sentence.contains(alternative.pattern.title()));
    let text = match of_both.and_then(|sentence| sentence.split_once(": ")) {
        Some((_, decides)) => format!("{short}: {decides}"),
        None => short.clone(),
    };
    Some(WhyItem { short: Some(short), ..WhyItem::new(ItemRole::Alternative, 5, text) })
}

/// Sentences of one kind; `ranks` for the first ones, the last for all others.
fn ranked_items(role: ItemRole, sentences: &[String], ranks: &[usize]) -> Vec<WhyItem> {
    let rank = |index: usize| ranks.get(index).or(ranks.last()).copied().unwrap_or_default();
    sentences.iter().enumerate().map(|(index, text)| WhyItem::new(role, rank(index), text.as_str())).collect()
}

/// The plain facts, from `rank` on; one of what is missing comes before the fourth that is known.
fn fact_items(facts: &DropFacts, rank: usize) -> Vec<WhyItem> {
    let known = facts.known.iter().enumerate();
    let known = known.map(|(index, text)| WhyItem::new(ItemRole::For, rank + 2 * index, text.as_str()));
    let missing = facts.missing.iter().enumerate();
    let missing =
        missing.map(|(index, text)| WhyItem::new(ItemRole::Missing, rank + 5 + 4 * index, text.as_str()));
    known.chain(missing).collect()
}

/// The next step: what the state of the link asks for comes before what the drops suggest.
fn suggested_step(verdict: Option<&Verdict>, facts: &DropFacts) -> SuggestedStep {
    let of_link = facts
        .next
        .filter(|next| *next != NextStep::KeepRunning || verdict.is_none_or(|verdict| !verdict.is_named()));
    if let Some(next) = of_link {
        let action = match next {
            NextStep::Connect => Some(Action::ToggleConnection),
            NextStep::EnableKeepAlive => Some(Action::KeepAliveType),
            NextStep::ReadFailure | NextStep::KeepRunning => None,
        };
        return SuggestedStep { text: next.sentence().to_owned(), action };
    }
    let Some(verdict) = verdict else {
        return SuggestedStep { text: "leave it running".into(), action: None };
    };
    let advice = &verdict.diagnosis.next;
    let action = match advice.action {
        AdviceAction::Wait | AdviceAction::Outside => None,
        AdviceAction::Connect => Some(Action::ToggleConnection),
        AdviceAction::ShortenKeepAlive => Some(Action::KeepAliveDown),
        AdviceAction::TurnPingsOn => Some(Action::KeepAliveType),
        AdviceAction::Reconnect => Some(Action::Reconnect),
        AdviceAction::OpenDrop => Some(Action::Open),
    };
    SuggestedStep { text: advice.text.clone(), action }
}
