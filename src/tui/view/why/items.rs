//! What is there to say about the drops, and how important is each sentence?

use ratatui::style::Style;

use crate::classify::{AdviceAction, Pattern, SecondaryFinding, Verdict, confidence_word, percent};
use crate::diagnostics::facts::{self, DropFacts, NextStep};
use crate::tui::keymap::Action;

use super::super::ViewContext;

/// What stands before a sentence and says what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The answer in plain words.
    Plain,
    /// Speaks for the answer, or was seen.
    For,
    /// Speaks against it.
    Against,
    /// Would be needed and is not there.
    Missing,
    /// What it may be instead.
    Or,
    /// Seen beside the answer.
    Also,
}

impl Sign {
    /// The sign, how it looks, and how the text after it looks.
    pub(super) fn look(self, context: &ViewContext) -> (String, Style, Style) {
        let theme = context.theme;
        let (sign, look, text) = match self {
            Self::Plain => ("", theme.text, theme.text),
            Self::For => ("+ ", theme.good, theme.text),
            // A hyphen in ASCII, the minus sign elsewhere.
            Self::Against if context.glyphs.bar.is_ascii() => ("- ", theme.bad, theme.text),
            Self::Against => ("\u{2212} ", theme.bad, theme.text),
            Self::Missing => ("? ", theme.warn, theme.dim),
            Self::Or => ("or ", theme.warn, theme.dim),
            Self::Also => ("& ", theme.accent, theme.text),
        };
        (sign.to_owned(), look, text)
    }
}

/// One sentence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// What it is for.
    pub(super) sign: Sign,
    /// The sentence.
    pub(super) text: String,
    /// A shorter one, for want of room.
    pub(super) short: Option<String>,
    /// 0 is the most important.
    pub(super) rank: usize,
    /// Only beside something that speaks for the answer.
    pub(super) follows: bool,
}

impl Item {
    fn new(sign: Sign, rank: usize, text: impl Into<String>) -> Self {
        Self { sign, text: text.into(), short: None, rank, follows: false }
    }
}

/// How sure the answer is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Share {
    /// Number and word: `91 % sure`.
    pub(super) text: String,
    /// Its looks.
    pub(super) style: Style,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// The instruction.
    pub(super) text: String,
    /// What a key can do about it.
    pub(super) action: Option<Action>,
}

/// Everything the panel can say.
pub(super) struct Story {
    /// The headline.
    pub(super) answer: String,
    /// A shorter one, for want of room.
    pub(super) short: Option<String>,
    /// How sure it is, where a pattern is named.
    pub(super) share: Option<Share>,
    /// The sentences in the order of reading.
    pub(super) items: Vec<Item>,
    /// The next step.
    pub(super) step: Step,
}

impl Story {
    /// What can be said of the state shown.
    pub(super) fn of(context: &ViewContext) -> Self {
        let facts = facts::drop_facts(context.snapshot());
        let verdict = context.published.verdict.as_deref();
        let step = step(verdict, &facts);
        match verdict {
            Some(verdict) if verdict.is_named() => Self::named(context, verdict, step),
            Some(verdict) if verdict.classification.drops > 0 => Self::open(verdict, &facts, step),
            _ => Self {
                answer: facts.headline.clone(),
                short: None,
                share: None,
                items: seen(&facts, 0),
                step,
            },
        }
    }

    /// A pattern is named.
    fn named(context: &ViewContext, verdict: &Verdict, step: Step) -> Self {
        let judged = &verdict.classification;
        let mut items = meaning(verdict);
        items.extend(ranked(Sign::For, &judged.evidence, &[3, 6, 9]));
        // The second sentence says little without the first, and a doubt alone would mislead.
        items.iter_mut().filter(|item| item.sign == Sign::For).skip(1).for_each(|item| item.follows = true);
        let doubts = ranked(Sign::Against, &verdict.diagnosis.against, &[4, 9]).into_iter();
        items.extend(doubts.map(|item| Item { follows: !judged.evidence.is_empty(), ..item }));
        let also = verdict.diagnosis.also.iter().skip(usize::from(verdict.second_cause().is_some()));
        items.extend(also.map(|seen| Item::new(Sign::Also, 8, findings(seen, judged.drops))));
        items.extend(rival(verdict));
        items.extend(judged.missing.iter().map(|missing| Item::new(Sign::Missing, 7, missing.as_str())));
        let share = Some(share(context, judged.confidence));
        let first = judged.pattern.title().to_uppercase();
        let short = verdict.second_cause().map(|_| format!("{first} + 1 MORE"));
        Self { answer: verdict.title().to_uppercase(), short, share, items, step }
    }

    /// There were drops, but nothing can be said yet: the lead, what would be needed, then plain facts.
    fn open(verdict: &Verdict, facts: &DropFacts, step: Step) -> Self {
        let judged = &verdict.classification;
        let few = judged.drops < facts::MIN_DROPS_FOR_PATTERN;
        let answer = if few { "NOT ENOUGH DROPS YET" } else { "NO CLEAR PATTERN YET" };
        let mut items = Vec::new();
        items.extend(verdict.leading_hypothesis().map(|lead| {
            let (title, meaning) = (lead.pattern.title(), lead.pattern.meaning());
            let short = format!("at best {title}, {}", percent(lead.probability));
            let text = format!("{short}: {meaning}");
            Item { short: Some(short), ..Item::new(Sign::Plain, 1, text) }
        }));
        items.extend(judged.missing.iter().map(|missing| Item::new(Sign::Plain, 2, missing.as_str())));
        items.extend(ranked(Sign::For, &judged.evidence, &[3]));
        items.extend(rival(verdict));
        items.extend(seen(facts, 4));
        Self { answer: answer.to_owned(), short: None, share: None, items, step }
    }
}

/// Number and word, and looks for each word.
fn share(context: &ViewContext, probability: f64) -> Share {
    let theme = context.theme;
    let word = confidence_word(probability);
    let style = match word {
        "sure" => theme.good.patch(theme.strong),
        "likely" => theme.strong,
        _ => theme.warn,
    };
    Share { text: format!("{} {word}", percent(probability)), style }
}

/// What the answer means, for each of two causes; before it the most probable cause of the catalogue.
fn meaning(verdict: &Verdict) -> Vec<Item> {
    let judged = &verdict.classification;
    let mut items = Vec::new();
    let cause = verdict.cause();
    items.extend(
        cause.map(|cause| {
            Item::new(Sign::Plain, 1, format!("{}, {}", cause.name, percent(cause.probability)))
        }),
    );
    let rank = if cause.is_some() { 5 } else { 1 };
    let Some(second) = verdict.second_cause() else {
        items.push(Item::new(Sign::Plain, rank, judged.pattern.meaning()));
        return items;
    };
    let hits = verdict.hypothesis(judged.pattern).map_or(0, |one| one.hits);
    let of = |hits: u64, pattern: Pattern| {
        let share = format!("{hits} of {} drops", judged.drops);
        Item {
            short: Some(format!("{share}: {}", pattern.title())),
            ..Item::new(Sign::Plain, rank, format!("{share}: {}", pattern.meaning()))
        }
    };
    items.extend([of(hits, judged.pattern), of(second.hits, second.pattern)]);
    items
}

/// `also 4 of 48 drops: outage`.
fn findings(seen: &SecondaryFinding, drops: u64) -> String {
    format!("also {} of {drops} drops: {}", seen.hits, seen.pattern.title())
}

/// What it may be instead, and what would decide.
fn rival(verdict: &Verdict) -> Option<Item> {
    let rival = verdict.runner_up()?;
    let short = format!("{}, {}", rival.pattern.title(), percent(rival.probability));
    // The sentence begins with the names of both.
    let separate = verdict.diagnosis.separate.as_deref();
    let of_both = separate.filter(|sentence| sentence.contains(rival.pattern.title()));
    let text = match of_both.and_then(|sentence| sentence.split_once(": ")) {
        Some((_, decides)) => format!("{short}: {decides}"),
        None => short.clone(),
    };
    Some(Item { short: Some(short), ..Item::new(Sign::Or, 5, text) })
}

/// Sentences of one kind; `ranks` for the first ones, the last for all others.
fn ranked(sign: Sign, sentences: &[String], ranks: &[usize]) -> Vec<Item> {
    let rank = |index: usize| ranks.get(index).or(ranks.last()).copied().unwrap_or_default();
    sentences.iter().enumerate().map(|(index, text)| Item::new(sign, rank(index), text.as_str())).collect()
}

/// The plain facts, from `rank` on; one of what is missing comes before the fourth that is known.
fn seen(facts: &DropFacts, rank: usize) -> Vec<Item> {
    let known = facts.known.iter().enumerate();
    let known = known.map(|(index, text)| Item::new(Sign::For, rank + 2 * index, text.as_str()));
    let missing = facts.missing.iter().enumerate();
    let missing = missing.map(|(index, text)| Item::new(Sign::Missing, rank + 5 + 4 * index, text.as_str()));
    known.chain(missing).collect()
}

/// The next step: what the state of the link asks for comes before what the drops suggest.
fn step(verdict: Option<&Verdict>, facts: &DropFacts) -> Step {
    let of_link = facts
        .next
        .filter(|next| *next != NextStep::KeepRunning || verdict.is_none_or(|verdict| !verdict.is_named()));
    if let Some(next) = of_link {
        let action = match next {
            NextStep::Connect => Some(Action::ToggleConnection),
            NextStep::EnableKeepAlive => Some(Action::KeepAliveType),
            NextStep::ReadFailure | NextStep::KeepRunning => None,
        };
        return Step { text: next.sentence().to_owned(), action };
    }
    let Some(verdict) = verdict else { return Step { text: "leave it running".into(), action: None } };
    let advice = &verdict.diagnosis.next;
    let action = match advice.action {
        AdviceAction::Wait | AdviceAction::Outside => None,
        AdviceAction::Connect => Some(Action::ToggleConnection),
        AdviceAction::ShortenKeepAlive => Some(Action::KeepAliveDown),
        AdviceAction::TurnPingsOn => Some(Action::KeepAliveType),
        AdviceAction::Reconnect => Some(Action::Reconnect),
        AdviceAction::OpenDrop => Some(Action::Open),
    };
    Step { text: advice.text.clone(), action }
}
