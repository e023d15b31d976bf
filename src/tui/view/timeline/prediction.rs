//! The predicted next drop in the title of the timeline, while the prediction is valid.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ratatui::text::Span;

use crate::classify::{DropPrediction, Pattern, Verdict};
use crate::diagnostics::{LinkState, Snapshot};
use crate::tui::format;
use crate::tui::text::width;

use super::super::ViewContext;

/// The prediction in the longest form that fits into `available` columns.
pub(super) fn prediction_span(context: &ViewContext, available: usize) -> Option<Span<'static>> {
    let verdict = context.published.verdict.as_deref()?;
    let now = context.now.wall;
    let expected = current_prediction(verdict, context.snapshot(), now)?;
    let at = format::time_or_date(expected.at, now, context.offset);
    let within = within(expected.half_width());
    let left = match (expected.at - now).to_std() {
        Ok(left) if !left.is_zero() => format!("in {}", format::short(left)),
        _ => "due now".to_owned(),
    };
    let dot = context.glyphs.dot;
    let forms = [
        format!(" {dot} next expected {at} ± {within}, {left}"),
        format!(" {dot} next {at} ± {within}, {left}"),
        format!(" {dot} next {at}"),
    ];
    let text = forms
        .map(|form| context.sanitized(&form).into_owned())
        .into_iter()
        .find(|form| width(form) <= available)?;
    Some(Span::styled(text, context.theme.warn))
}

/// The prediction, unless it is past, the link is down, or it is for an earlier session.
fn current_prediction(verdict: &Verdict, snapshot: &Snapshot, now: DateTime<Utc>) -> Option<DropPrediction> {
    let LinkState::Connected { since } = snapshot.link else { return None };
    let expected = verdict.diagnosis.expected?;
    let follows_the_clock = verdict.classification.pattern == Pattern::Scheduled;
    let of_this_session = follows_the_clock || verdict.at >= since;
    let latest = expected.at.checked_add_signed(chrono::TimeDelta::from_std(expected.half_width()).ok()?)?;
    (of_this_session && latest >= now).then_some(expected)
}

/// The tolerance, rounded up to whole seconds.
fn within(length: Duration) -> String {
    let whole = length.as_secs() + u64::from(length.subsec_nanos() > 0);
    match whole.max(1) {
        few @ ..600 => format!("{few} s"),
        many => format::short(Duration::from_secs(many)),
    }
}
