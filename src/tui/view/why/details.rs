//! The verdict in full: all evidence, the probability of every pattern, the causes, and the four outcomes.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::classify::{Hypothesis, ItemRole, OutcomeShares, Pattern, Verdict, VerdictPage, causes, percent};
use crate::diagnostics::words;

use super::super::line_layout::{bar_text, pad_left, pad_right, wrap};
use super::super::popups::scrollable_popup;
use super::super::separation;
use super::super::{ViewContext, ViewState};
use super::items::{PanelContent, Sign};
use super::{head, lines_of, next_step};

/// Widest text; longer lines are hard to read.
const POPUP_WIDTH: u16 = 100;
/// Patterns less probable than this share one row.
const MIN_LISTED_PROBABILITY: f64 = 0.01;
/// Columns of the names before the bars, and of the probability.
const NAME_WIDTH: usize = 22;
const PERCENT_WIDTH: usize = 6;
/// Longest bar.
const MAX_BAR_WIDTH: usize = 40;
/// Outcomes closer together than this are not shown.
const MIN_OUTCOME_SPREAD: f64 = 0.02;

/// Draws the popup, `scroll` lines down.
pub(in super::super) fn render(
    frame: &mut Frame,
    context: &ViewContext,
    scroll: usize,
    state: &mut ViewState,
) {
    scrollable_popup(frame, context, ("Why", POPUP_WIDTH), scroll, state, |columns| lines(context, columns));
}

fn lines(context: &ViewContext, columns: usize) -> Vec<Line<'static>> {
    let body = PanelContent::of(context);
    let mut lines = head(context, &body, &body.answer, columns);
    let rows_of = |sign: Sign| -> Vec<Line<'static>> {
        let items = body.items.iter().filter(|item| item.sign == sign);
        items.flat_map(|item| lines_of(context, item.sign, &item.text, columns)).collect()
    };
    for sign in [Sign::Now, Sign::Plain, Sign::Cured, Sign::Calm] {
        lines.extend(rows_of(sign));
    }
    lines.extend(next_step(context, &body.step, usize::MAX, columns));
    let verdict = context.published.verdict.as_deref();
    let known = if verdict.is_some_and(Verdict::is_named) { "Evidence for" } else { "What is known" };
    let parts = [
        (known, Sign::For),
        ("Evidence against", Sign::Against),
        ("Also seen", Sign::Also),
        ("What is missing", Sign::Missing),
    ];
    for (title, sign) in parts {
        section(context, &mut lines, title, rows_of(sign));
    }
    if let Some(verdict) = verdict.filter(|one| one.classification.drops > 0) {
        let details = WhyDetails { context, verdict, columns };
        section(context, &mut lines, "Probability", details.patterns());
        section(context, &mut lines, "Separating test", details.separate());
        section(context, &mut lines, "Likely causes", details.causes());
        section(context, &mut lines, "Where the cause is", details.outcomes());
    }
    lines
}

/// A heading and its lines, after a blank one; nothing without lines.
fn section(
    context: &ViewContext,
    lines: &mut Vec<Line<'static>>,
    title: &'static str,
    more: Vec<Line<'static>>,
) {
    if !more.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled(title, context.theme.accent.patch(context.theme.strong)));
        lines.extend(more);
    }
}

struct WhyDetails<'a> {
    context: &'a ViewContext<'a>,
    verdict: &'a Verdict,
    columns: usize,
}

impl WhyDetails<'_> {
    /// Every notable pattern, then the rest in one row.
    fn patterns(&self) -> Vec<Line<'static>> {
        let classification = &self.verdict.classification;
        let is_listed = |one: &&Hypothesis| {
            one.probability >= MIN_LISTED_PROBABILITY || one.pattern == classification.pattern
        };
        let theme = self.context.theme;
        let mut lines: Vec<Line> = classification
            .hypotheses
            .iter()
            .filter(is_listed)
            .map(|one| {
                let is_answer = one.pattern == classification.pattern
                    || self.verdict.second_cause().is_some_and(|second| second.pattern == one.pattern);
                let style = if is_answer { theme.strong } else { theme.text };
                let hits =
                    if one.hits == 0 { String::new() } else { words::count(one.hits, "drop", "drops") };
                self.row(name(one.pattern), one.probability, style, &hits)
            })
            .collect();
        let rest: f64 =
            classification.hypotheses.iter().filter(|one| !is_listed(one)).map(|one| one.probability).sum();
        if rest > 0.0 {
            lines.push(self.row("all others together", rest, theme.dim, ""));
        }
        lines
    }

    /// `name    91 %  ▇▇▇▇▇▇▇▇▇▇▇▇  remark`.
    fn row(&self, name: &str, probability: f64, style: Style, remark: &str) -> Line<'static> {
        let (theme, glyphs) = (self.context.theme, self.context.glyphs);
        let name = pad_right(&self.context.truncated(name, NAME_WIDTH - 1), NAME_WIDTH);
        let available = self.columns.saturating_sub(NAME_WIDTH + PERCENT_WIDTH + 2 + 12).min(MAX_BAR_WIDTH);
        let bars = pad_right(&bar_text(probability, available, glyphs), available);
        Line::from(vec![
            Span::styled(name, style),
            Span::styled(pad_left(&percent(probability), PERCENT_WIDTH), style),
            Span::styled(format!("  {bars}"), theme.accent),
            Span::styled(format!("  {remark}"), theme.dim),
        ])
    }

    fn separate(&self) -> Vec<Line<'static>> {
        let page = VerdictPage::new(self.verdict);
        let tests = page.all(ItemRole::SeparatingTest);
        let lines = |text: &str| lines_of(self.context, Sign::Plain, text, self.columns);
        let has_test = self.verdict.diagnosis.separation.is_some();
        let hint = has_test.then(|| separation::start_hint(self.context)).flatten();
        tests.flat_map(|item| lines(&item.text)).chain(hint.iter().flat_map(|text| lines(text))).collect()
    }

    /// Every cause with a check; the most probable one also with its meaning and fixes.
    fn causes(&self) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        for (rank, cause) in self.verdict.diagnosis.causes.iter().enumerate() {
            let theme = self.context.theme;
            let share = percent(cause.probability);
            lines.extend(self.indented(
                &share,
                &cause.name,
                if rank == 0 { theme.strong } else { theme.text },
            ));
            let Some(known) = causes::cause(&cause.id) else { continue };
            if rank == 0 {
                lines.extend(self.indented("", &known.meaning, theme.dim));
            }
            lines.extend(
                known.client_check.iter().take(1).flat_map(|check| self.indented("check", check, theme.dim)),
            );
            let fixes = known.fix.iter().filter(|_| rank == 0);
            lines.extend(fixes.flat_map(|fix| self.indented("fix", fix, theme.dim)));
        }
        lines
    }

    /// A text under the names of the causes, wrapped under itself, its head in the column of the percentages.
    fn indented(&self, head: &str, text: &str, style: Style) -> Vec<Line<'static>> {
        wrap(&self.context.sanitized(text), self.columns.saturating_sub(PERCENT_WIDTH + 1))
            .into_iter()
            .enumerate()
            .map(|(index, row)| {
                let head = pad_left(if index == 0 { head } else { "" }, PERCENT_WIDTH);
                Line::styled(format!("{head} {row}"), style)
            })
            .collect()
    }

    /// The four outcomes of the investigation guide, the most probable first; none while they are alike.
    fn outcomes(&self) -> Vec<Line<'static>> {
        let OutcomeShares { network, server, client, environment } = self.verdict.diagnosis.outcomes;
        let mut all = [
            ("the network between", network),
            ("the broker", server),
            ("this client", client),
            ("this computer or site", environment),
        ];
        all.sort_by(|one, other| other.1.total_cmp(&one.1));
        if all[0].1 - all[3].1 < MIN_OUTCOME_SPREAD {
            return Vec::new();
        }
        all.map(|(name, share)| self.row(name, share, self.context.theme.text, "")).to_vec()
    }
}

fn name(pattern: Pattern) -> &'static str {
    if pattern == Pattern::Undetermined { "none of these" } else { pattern.title() }
}
