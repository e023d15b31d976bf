//! The content of the Why panel: the items of the verdict's page with their signs, or the plain facts.

use ratatui::style::Style;

use crate::classify::{
    AdviceAction, ConfidenceLevel, ItemRole, PageItem, PresentFaultKind, Verdict, VerdictPage, percent,
};
use crate::diagnostics::facts::{self, DropFacts, NextStep};
use crate::tui::keymap::Action;

use super::super::{ViewContext, separation};

/// The sign before a sentence, which shows its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The answer in plain words.
    Plain,
    /// Evidence for the answer, or a known fact.
    For,
    /// Evidence against the answer.
    Against,
    /// Data that would be needed and are not there.
    Missing,
    /// Another pattern that is possible.
    Or,
    /// A finding beside the answer.
    Also,
    /// What is wrong at this moment.
    Now,
    /// The drops since the newest change.
    Calm,
    /// The newest change ended the drops.
    Cured,
}

impl Sign {
    /// The sign, its style, and the style of the text after it.
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
            Self::Now => ("now ", theme.bad, theme.text),
            Self::Calm => ("= ", theme.accent, theme.text),
            Self::Cured => {
                return (format!("{} ", context.glyphs.check), theme.good, theme.text);
            }
        };
        (sign.to_owned(), look, text)
    }
}

/// One sentence on the panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PanelItem {
    /// Its purpose.
    pub(super) sign: Sign,
    /// The sentence.
    pub(super) text: String,
    /// A shorter one for a small panel.
    pub(super) short: Option<String>,
    /// Importance, 0 first.
    pub(super) rank: usize,
    /// Whether it is shown only beside evidence for the answer.
    pub(super) needs_evidence: bool,
}

impl PanelItem {
    fn fact(sign: Sign, rank: usize, text: &str) -> Self {
        Self { sign, text: text.to_owned(), short: None, rank, needs_evidence: false }
    }

    /// An item of the page; `None` for what the panel does not show, or shows elsewhere.
    fn of(item: &PageItem, is_named: bool) -> Option<Self> {
        let sign = match item.role {
            ItemRole::Now => Sign::Now,
            ItemRole::Calm => Sign::Calm,
            ItemRole::Cured => Sign::Cured,
            ItemRole::Cause | ItemRole::Meaning | ItemRole::Lead => Sign::Plain,
            ItemRole::EvidenceFor => Sign::For,
            ItemRole::EvidenceAgainst => Sign::Against,
            // While no pattern is named, what is missing is the answer.
            ItemRole::Missing => {
                if is_named {
                    Sign::Missing
                } else {
                    Sign::Plain
                }
            }
            ItemRole::Rival => Sign::Or,
            ItemRole::AlsoSeen => Sign::Also,
            ItemRole::Answer
            | ItemRole::Confidence
            | ItemRole::Basis
            | ItemRole::SeparatingTest
            | ItemRole::NextDrop
            | ItemRole::NextStep => return None,
        };
        Some(Self {
            sign,
            text: item.text.clone(),
            short: item.short.clone(),
            rank: item.rank?,
            needs_evidence: item.needs_evidence,
        })
    }
}

/// The probability of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConfidenceLabel {
    /// Number and word: `91 % sure`.
    pub(super) text: String,
    /// Its style.
    pub(super) style: Style,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PanelStep {
    /// The instruction.
    pub(super) text: String,
    /// The key that does it.
    pub(super) action: Option<Action>,
}

/// The content of the panel.
pub(super) struct PanelContent {
    /// The headline.
    pub(super) answer: String,
    /// A shorter one for a small panel.
    pub(super) short: Option<String>,
    /// Its probability, where a pattern is named.
    pub(super) confidence: Option<ConfidenceLabel>,
    /// The sentences in the order of reading.
    pub(super) items: Vec<PanelItem>,
    /// The next step.
    pub(super) step: PanelStep,
}

impl PanelContent {
    /// The content for the state shown.
    pub(super) fn of(context: &ViewContext) -> Self {
        let facts = facts::drop_facts(context.snapshot());
        let verdict = context.published.verdict.as_deref();
        let page = verdict.map(VerdictPage::new);
        let step = step(context, page.as_ref(), &facts);
        let drops = verdict.map_or(0, |verdict| verdict.classification.drops);
        let now = page.as_ref().and_then(|page| page.all(ItemRole::Now).next());
        if let Some(now) = now.filter(|_| drops == 0) {
            let items = PanelItem::of(now, false).into_iter().chain(fact_items(&facts, 2)).collect();
            let answer = now_headline(verdict).to_owned();
            return Self { answer, short: None, confidence: None, items, step };
        }
        let Some(page) = page.filter(|page| page.is_named || drops > 0) else {
            let items = fact_items(&facts, 0);
            return Self { answer: facts.headline.clone(), short: None, confidence: None, items, step };
        };
        let mut items: Vec<PanelItem> =
            page.items().iter().filter_map(|item| PanelItem::of(item, page.is_named)).collect();
        let (answer, short) = if page.is_named {
            let answer = page.all(ItemRole::Answer).next();
            let text = answer.map(|item| item.text.to_uppercase()).unwrap_or_default();
            (text, answer.and_then(|item| item.short.as_ref()).map(|short| short.to_uppercase()))
        } else {
            items.extend(fact_items(&facts, 4));
            let is_few = drops < facts::MIN_DROPS_FOR_PATTERN;
            let is_faulty = page.text(ItemRole::Now).is_some();
            (
                if is_faulty {
                    now_headline(verdict)
                } else if is_few {
                    "NOT ENOUGH DROPS YET"
                } else {
                    "NO CLEAR PATTERN YET"
                }
                .to_owned(),
                None,
            )
        };
        let confidence = page.confidence.map(|probability| confidence_label(context, probability));
        Self { answer, short, confidence, items, step }
    }
}

/// The headline while something is wrong now and no pattern is named.
fn now_headline(verdict: Option<&Verdict>) -> &'static str {
    match verdict.and_then(|verdict| verdict.diagnosis.now.as_ref()).map(|fault| fault.kind) {
        Some(PresentFaultKind::Subscription) => "SUBSCRIPTION REFUSED",
        _ => "CANNOT CONNECT",
    }
}

/// Number and word, with a style for each level.
fn confidence_label(context: &ViewContext, probability: f64) -> ConfidenceLabel {
    let theme = context.theme;
    let level = ConfidenceLevel::of(probability);
    let style = match level {
        ConfidenceLevel::Sure => theme.good.patch(theme.strong),
        ConfidenceLevel::Likely => theme.strong,
        ConfidenceLevel::Maybe => theme.warn,
    };
    ConfidenceLabel { text: format!("{} {}", percent(probability), level.word()), style }
}

/// The plain facts, from `rank` on; the first missing one precedes the fourth known one.
fn fact_items(facts: &DropFacts, rank: usize) -> Vec<PanelItem> {
    let known = facts.known.iter().enumerate();
    let known = known.map(|(index, text)| PanelItem::fact(Sign::For, rank + 2 * index, text));
    let missing = facts.missing.iter().enumerate();
    let missing = missing.map(|(index, text)| PanelItem::fact(Sign::Missing, rank + 5 + 4 * index, text));
    known.chain(missing).collect()
}

/// The next step: what the state of the link requires precedes what the drops suggest.
fn step(context: &ViewContext, page: Option<&VerdictPage>, facts: &DropFacts) -> PanelStep {
    let page_step = page.and_then(|page| page.text(ItemRole::NextStep));
    if let Some(text) = page_step.filter(|_| page.is_some_and(|page| page.text(ItemRole::Now).is_some())) {
        return PanelStep { text: text.to_owned(), action: None };
    }
    let of_link =
        facts.next.filter(|next| *next != NextStep::KeepRunning || page.is_none_or(|page| !page.is_named));
    if let Some(next) = of_link {
        let action = match next {
            NextStep::Connect => Some(Action::ToggleConnection),
            NextStep::EnableKeepAlive => Some(Action::KeepAliveType),
            NextStep::ReadFailure | NextStep::KeepRunning => None,
        };
        return PanelStep { text: next.sentence().to_owned(), action };
    }
    if let Some(text) = separation_step(context) {
        return PanelStep { text, action: Some(Action::Separate) };
    }
    let action = match page.and_then(|page| page.next_action) {
        None | Some(AdviceAction::Wait | AdviceAction::Outside) => None,
        Some(AdviceAction::Connect) => Some(Action::ToggleConnection),
        Some(AdviceAction::ShortenKeepAlive) => Some(Action::KeepAliveDown),
        Some(AdviceAction::TurnPingsOn) => Some(Action::KeepAliveType),
        Some(AdviceAction::Reconnect) => Some(Action::Reconnect),
        Some(AdviceAction::OpenDrop) => Some(Action::Open),
    };
    let text = page_step.unwrap_or("leave it running");
    PanelStep { text: text.to_owned(), action }
}

/// The test that runs, or the one that the verdict names.
fn separation_step(context: &ViewContext) -> Option<String> {
    let named = || {
        let test = context.published.verdict.as_deref()?.diagnosis.separation.as_ref()?;
        Some(format!("{}, to separate the two causes", test.title()))
    };
    separation::running_step(context).or_else(named)
}
