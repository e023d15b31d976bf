//! The header, the first row of every screen: endpoint, recording or replay state, and clock.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::diagnostics::recording::RecorderState;
use crate::diagnostics::words;
use crate::state::ReplayStatus;
use crate::tui::format;
use crate::tui::text::{self, truncate_middle};

use super::ViewContext;
use super::line_layout::{SpanGroup, draw_line, join_fitting};
use super::separation;

/// Maximum width of the error of a failing recording.
const REASON_WIDTH: usize = 32;

/// Minimum width for the full position of a replay.
const FULL_POSITION_WIDTH: usize = 84;

/// Draws the header into the first row of `area`.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let width = usize::from(area.width);
    let signs = fitting_signs(context, width.saturating_sub(12));
    let available = width.saturating_sub(signs.width() + 5);
    let endpoint = join_fitting(endpoint_items(context, available), available, 0);
    draw_line(
        frame,
        Rect { x: area.x + area.width.min(1), width: area.width.saturating_sub(1), ..area },
        0,
        &endpoint,
    );
    let start = area.width.saturating_sub(u16::try_from(signs.width() + 1).unwrap_or(u16::MAX));
    draw_line(frame, Rect { x: area.x + start, width: area.width - start, ..area }, 0, &signs);
}

/// The signs on the right that fit into `max` columns; the clock and the recording sign are left out last.
fn fitting_signs(context: &ViewContext, max: usize) -> Line<'static> {
    const GAP: usize = 2;
    let mut fitting = Vec::new();
    let mut used = 0;
    for sign in all_signs(context, max).into_iter().rev() {
        let columns = sign.iter().map(Span::width).sum::<usize>() + GAP;
        if used + columns <= max + GAP {
            used += columns;
            fitting.push(sign);
        }
    }
    fitting.reverse();
    join_fitting(fitting, usize::MAX, GAP)
}

/// All signs, least important first.
fn all_signs(context: &ViewContext, width: usize) -> Vec<SpanGroup> {
    let theme = context.theme;
    let live = &context.live.runtime;
    let mut signs: Vec<SpanGroup> = Vec::new();
    if let Some(simulation) = &live.simulation {
        let simulation = context.truncated(&simulation.label, (width / 3).max(REASON_WIDTH.min(width / 2)));
        signs.push(vec![Span::styled(format!(" {simulation} "), theme.badge)]);
    }
    signs.extend(separation::sign(context, width));
    if live.finished {
        signs.push(vec![Span::styled(" ENDED ", theme.badge)]);
    }
    if context.model.frozen.is_some() {
        signs
            .push(vec![Span::styled(format!(" FROZEN {} ", context.format_clock(context.now)), theme.badge)]);
    }
    match &live.replay {
        Some(replay) => signs.extend(replay_signs(context, replay, width)),
        None => signs.push(recording_sign(context, &live.recorder)),
    }
    signs.push(vec![Span::styled(context.format_clock(context.live_now), theme.text)]);
    signs
}

/// The signs of a replay: position, speed, paused; least important first.
fn replay_signs(context: &ViewContext, replay: &ReplayStatus, width: usize) -> Vec<SpanGroup> {
    let theme = context.theme;
    if let Some(percent) = replay.reading {
        return vec![vec![Span::styled(format!(" REPLAY reading {percent} % "), theme.badge)]];
    }
    let mut signs = Vec::new();
    if replay.unreadable > 0 {
        let lines = words::count(replay.unreadable, "bad line", "bad lines");
        signs.push(vec![Span::styled(lines, theme.warn)]);
    }
    let (position, length) = (format::uptime(replay.position), format::uptime(replay.length));
    let whole = replay.length.as_millis().max(1);
    let place = match width {
        0..FULL_POSITION_WIDTH => format!("{} %", replay.position.as_millis() * 100 / whole),
        _ => format!("{position} of {length}"),
    };
    signs.push(vec![Span::styled(place, theme.dim)]);
    let speed = format::speed(replay.speed);
    let paused = if replay.paused { " PAUSED" } else { "" };
    signs.push(vec![Span::styled(format!(" REPLAY {speed}{paused} "), theme.badge)]);
    signs
}

fn recording_sign(context: &ViewContext, recorder: &RecorderState) -> SpanGroup {
    let theme = context.theme;
    match recorder {
        RecorderState::Off => vec![Span::styled("REC off", theme.dim)],
        RecorderState::Recording { .. } => {
            vec![Span::styled("REC ", theme.dim), Span::styled(context.glyphs.recording, theme.bad)]
        }
        RecorderState::Failing { error, .. } => {
            let reason = context.truncated(error, REASON_WIDTH);
            vec![Span::styled(format!("REC {} FAILING: {reason}", context.glyphs.cross), theme.bad)]
        }
    }
}

/// Program name, endpoint, protocol and client id; the endpoint is shortened in the middle first.
fn endpoint_items(context: &ViewContext, available: usize) -> Vec<SpanGroup> {
    let theme = context.theme;
    let brand = vec![Span::styled("dropscope", theme.brand), Span::raw("  ")];
    let Some(started) = &context.snapshot().started else { return vec![brand] };
    let dot = || Span::styled(format!(" {} ", context.glyphs.dot), theme.dim);
    let endpoint = context.sanitized(&started.endpoint);
    let version = context.snapshot().mqtt_version.as_ref().map(|version| {
        vec![dot(), Span::styled(format!("MQTT {}", context.truncated(version.as_str(), 8)), theme.text)]
    });
    let id = vec![
        dot(),
        Span::styled("id ", theme.dim),
        Span::styled(context.truncated(&started.client_id, 28), theme.text),
    ];
    let columns = |item: &SpanGroup| item.iter().map(Span::width).sum::<usize>();
    let mut left = available.saturating_sub(columns(&brand));
    let mut tail = Vec::new();
    for item in version.into_iter().chain([id]) {
        // The endpoint is more important than the items after it: it keeps at least 24 columns.
        let rest = left.checked_sub(columns(&item));
        if let Some(rest) = rest.filter(|rest| *rest >= text::width(&endpoint).min(24)) {
            left = rest;
            tail.push(item);
        }
    }
    let endpoint = truncate_middle(&endpoint, left, context.glyphs.ellipsis).into_owned();
    let mut subject = vec![brand, vec![Span::styled(endpoint, theme.strong)]];
    subject.extend(tail);
    subject
}
