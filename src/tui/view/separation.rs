//! The test that separates two causes: its question, and what runs.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use crate::classify::SeparationTest;
use crate::tui::format;
use crate::tui::keymap::Action;
use crate::tui::model::ClickTarget;
use crate::tui::text::width as text_width;

use super::line_layout::{SpanGroup, draw_line, wrap};
use super::panel::draw_popup;
use super::{ViewContext, ViewState};

/// Width of the question.
const POPUP_WIDTH: u16 = 72;
/// Widest title of a running test in the header.
const BADGE_WIDTH: usize = 40;

/// The question before a test that reconnects.
pub(super) fn question(
    frame: &mut Frame,
    context: &ViewContext,
    test: &SeparationTest,
    state: &mut ViewState,
) {
    let theme = context.theme;
    let columns = usize::from(POPUP_WIDTH.min(frame.area().width)).saturating_sub(4);
    let key = |action| context.keymap.key_text(action);
    let rows = |text: &str, style| {
        let rows = wrap(&context.sanitized(text), columns);
        rows.into_iter().map(move |row| Line::styled(row, style)).collect::<Vec<_>>()
    };
    let mut lines = rows(&format!("{}?", capitalized(&test.title())), theme.strong);
    lines.extend(rows(&format!("{}.", test.description()), theme.text));
    if *test == SeparationTest::FreshClientId {
        let warning =
            "A broker or a policy may accept only the present client id; then this program returns to it.";
        lines.extend(rows(warning, theme.warn));
    }
    let keys = format!("Press {} to start, {} to cancel.", key(Action::Open), key(Action::Close));
    let keys = match key(Action::Separate) {
        end if end.is_empty() || *test == SeparationTest::ReconnectNow => keys,
        end => format!("{keys} {end} ends the test."),
    };
    lines.push(Line::default());
    lines.extend(rows(&keys, theme.text));
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(frame.area().height);
    let (area, inner) = draw_popup(frame, context, (POPUP_WIDTH, height), "Separate two causes");
    state.areas.push((area, ClickTarget::Popup));
    for (row, line) in lines.iter().enumerate() {
        draw_line(frame, inner, row, line);
    }
}

/// The sign of a running test in the header; where its title does not fit, for how long it has been running.
pub(super) fn sign(context: &ViewContext, width: usize) -> Option<SpanGroup> {
    let running = context.snapshot().experiment.as_ref()?;
    let title = running.title();
    let text = if text_width(&title) <= BADGE_WIDTH.min(width / 3) {
        context.sanitized(&title).into_owned()
    } else {
        format::short(context.now.since(running.since))
    };
    Some(vec![Span::styled(format!(" TEST {text} "), context.theme.badge)])
}

/// The running test as a sentence that follows its key: `end the test: send a ping every 25 s (since 12 min 3 s)`.
pub(super) fn running_step(context: &ViewContext) -> Option<String> {
    let running = context.snapshot().experiment.as_ref()?;
    let duration = format::short(context.now.since(running.since));
    Some(format!("end the test that runs for {duration}: {}", running.title()))
}

/// How to start the named test, for the Why popup; the sentence before it says what the test does.
pub(super) fn start_hint(context: &ViewContext) -> Option<String> {
    let key = context.keymap.key_text(Action::Separate);
    let runs = context.snapshot().experiment.is_some();
    (!key.is_empty() && !runs).then(|| format!("Press {key} to run this test; {key} again ends it."))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
