//! The Link panel: the state of the connection.
//!
//! Two rows in every state, so that the layout is stable when the link goes down: state and ping, then
//! traffic (or, while down, the reason).

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::diagnostics::event::ConnectFailedEvent;
use crate::diagnostics::recording::RecorderState;
use crate::diagnostics::{ErrorName, LinkActivity, LinkState, Stamp, words};
use crate::tui::format;
use crate::tui::keymap::Action;
use crate::tui::text::width;
use crate::tui::theme::Glyphs;

use super::ViewContext;
use super::line_layout::{SpanGroup, draw_line, join_fitting, spark_level};
use super::panel::draw_panel;

/// Minimum wait for a PINGRESP that is shown as unanswered.
const LATE_PINGRESP: Duration = Duration::from_secs(1);

/// Remaining time of credentials or a WebSocket below which it is shown as a warning.
const EXPIRES_SOON: Duration = Duration::from_secs(300);

/// The same minimum wait in real seconds, for scaled simulations.
const MIN_LATE_REAL_SECS: f64 = 0.25;

/// Draws the panel.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let inner = draw_panel(frame, area, context, title(context, usize::from(area.width)));
    let width = usize::from(inner.width);
    draw_line(frame, inner, 0, &join_fitting(first_row(context, width), width, 3));
    draw_line(frame, inner, 1, &join_fitting(second_row(context, width), width, 3));
}

/// The title of the panel; in a simulation with the simulated fault.
fn title(context: &ViewContext, width: usize) -> SpanGroup {
    let mut title = vec![Span::styled("Link", context.theme.title)];
    if let Some(simulation) = &context.live.runtime.simulation {
        let key = context.keymap.key_text(Action::Inject);
        let hint = if key.is_empty() { String::new() } else { format!("  {key} inject") };
        let available = width.saturating_sub(hint.len() + 16);
        let fault = format!("  fault: {}", context.truncated(&simulation.fault, available));
        title.push(Span::styled(fault, context.theme.warn));
        title.push(Span::styled(hint, context.theme.dim));
    }
    title
}

/// Sign, word and style of the state, so that color is never the only information.
pub(super) fn state_sign(context: &ViewContext) -> (&'static str, &'static str, Style) {
    let (glyphs, theme) = (context.glyphs, context.theme);
    let given_up = context.published.runtime.activity == LinkActivity::GivenUp;
    match context.snapshot().link {
        _ if given_up => (glyphs.down, "GAVE UP", theme.bad),
        LinkState::Connected { .. } if unanswered_ping(context).is_some() => {
            (glyphs.connected, "CONNECTED?", theme.warn)
        }
        LinkState::Connected { .. } => (glyphs.connected, "CONNECTED", theme.good),
        LinkState::Connecting { .. } => (glyphs.connecting, "CONNECTING", theme.warn),
        LinkState::Down { .. } => (glyphs.down, "DOWN", theme.bad),
        LinkState::Off { .. } => (glyphs.off, "OFF", theme.dim),
        LinkState::Idle => match context.published.runtime.activity {
            LinkActivity::Connecting { .. } => (glyphs.connecting, "CONNECTING", theme.warn),
            _ => (glyphs.off, "IDLE", theme.dim),
        },
    }
}

/// The duration of the state.
pub(super) fn state_duration(context: &ViewContext) -> Option<String> {
    match context.snapshot().link {
        LinkState::Connected { since }
        | LinkState::Connecting { since, .. }
        | LinkState::Down { since, .. }
        | LinkState::Off { since, .. } => Some(format::uptime(context.now.since(since))),
        LinkState::Idle => None,
    }
}

fn first_row(context: &ViewContext, width: usize) -> Vec<SpanGroup> {
    let theme = context.theme;
    let (sign, word, style) = state_sign(context);
    let mut head = vec![Span::styled(format!("{sign} {word}"), style.patch(theme.strong))];
    if let Some(duration) = state_duration(context) {
        head.push(Span::styled(format!("  {duration}"), theme.strong));
    }
    let mut row = vec![head];
    row.extend(link_activity(context));
    row.extend(unanswered_ping(context));
    row.extend(silent_device(context));
    row.extend(lost_events(context));
    row.push(context.labeled("keep-alive", keep_alive(context), theme.text));
    if matches!(context.snapshot().link, LinkState::Connected { .. }) {
        row.push(ping(context, width));
    } else {
        row.extend(credentials(context));
    }
    row
}

fn keep_alive(context: &ViewContext) -> String {
    match context.snapshot().keep_alive_secs {
        0 if context.snapshot().started.is_none() => format::UNKNOWN.into(),
        0 => "off".into(),
        secs => format!("{secs} s"),
    }
}

/// The activity of the link while there is no session.
fn link_activity(context: &ViewContext) -> Option<SpanGroup> {
    let (text, style) = match context.published.runtime.activity {
        LinkActivity::Waiting { until, attempt } => {
            let wait = until.since(context.now).as_secs_f64().ceil();
            let when = if wait > 0.0 { format!("in {wait:.0} s") } else { "starting".into() };
            (format!("attempt {attempt} {when}"), context.theme.text)
        }
        LinkActivity::Connecting { phase, since, attempt } => {
            let spinner = context.glyphs.spinner;
            let step = usize::try_from(context.now.boot.as_secs()).unwrap_or(0) % spinner.len().max(1);
            let turn = spinner.get(step).copied().unwrap_or_default();
            let since = format::short(context.now.since(since));
            let attempts = if attempt > 0 { format!(", attempt {attempt}") } else { String::new() };
            (format!("{turn} {} {since}{attempts}", words::phase(phase)), context.theme.warn)
        }
        LinkActivity::Off => match context.snapshot().link {
            LinkState::Off { by, .. } => (words::initiator(by).to_owned(), context.theme.dim),
            _ => return None,
        },
        LinkActivity::GivenUp => {
            let key = context.keymap.key_text(Action::ToggleConnection);
            (format!("press {key} to connect again"), context.theme.text)
        }
        LinkActivity::Connected => return None,
    };
    Some(vec![Span::styled(text, style)])
}

/// An unanswered PINGREQ: the session may be dead.
fn unanswered_ping(context: &ViewContext) -> Option<SpanGroup> {
    let waiting = context.now.since(context.published.runtime.ping_outstanding_since?);
    let connected = matches!(context.snapshot().link, LinkState::Connected { .. });
    let late =
        LATE_PINGRESP.max(Duration::from_secs_f64(MIN_LATE_REAL_SECS * context.snapshot().time_scale()));
    (connected && waiting >= late).then(|| {
        let text = format!("{} no answer to ping for {}", context.glyphs.alert, format::short(waiting));
        vec![Span::styled(text, context.theme.warn)]
    })
}

/// The connection is up, but the device does not answer; this is not a drop.
fn silent_device(context: &ViewContext) -> Option<SpanGroup> {
    let since = context.snapshot().command_history.silent_since()?;
    let connected = matches!(context.snapshot().link, LinkState::Connected { .. });
    connected.then(|| {
        let age = format::short(context.now.since(since));
        let text = format!("{} no device answer for {age}", context.glyphs.cross);
        vec![Span::styled(text, context.theme.bad)]
    })
}

fn ping(context: &ViewContext, width: usize) -> SpanGroup {
    let theme = context.theme;
    let ping = &context.snapshot().ping;
    let Some(last) = ping.last_ms else {
        return context.labeled("ping", format::UNKNOWN, theme.dim);
    };
    let mut item = context.labeled("ping", format::millis(last), theme.strong);
    let columns = if width >= 110 { 24 } else { 8 };
    let recent = &ping.recent_ms[ping.recent_ms.len().saturating_sub(columns)..];
    item.push(Span::styled(format!(" {}", sparkline(recent, context.glyphs)), theme.accent));
    if let (Some(p95), true) = (ping.p95_ms, width >= 130) {
        item.push(Span::styled(format!("  95 % below {}", format::millis(p95)), theme.dim));
    }
    item
}

/// Recent round trips on a scale of at least half of the slowest one, so that small differences stay small.
fn sparkline(recent: &[f32], glyphs: &Glyphs) -> String {
    let fastest = recent.iter().copied().fold(f32::INFINITY, f32::min);
    let slowest = recent.iter().copied().fold(0.0_f32, f32::max);
    let spread = (slowest - fastest).max(slowest * 0.5);
    recent.iter().map(|ms| glyphs.spark[spark_level(f64::from(ms - fastest), f64::from(spread))]).collect()
}

fn credentials(context: &ViewContext) -> Option<SpanGroup> {
    let expires = context.snapshot().credentials_expire_at?;
    let left = expires.signed_duration_since(context.now.wall).to_std();
    Some(match left {
        Ok(left) => context.labeled("credentials", format::short(left), expiry_style(context, left)),
        Err(_) => context.labeled("credentials", "expired", context.theme.bad),
    })
}

/// Remaining time of a WebSocket; AWS closes it after 24 h.
fn websocket(context: &ViewContext) -> Option<SpanGroup> {
    let left = context.snapshot().websocket_time_left(context.now)?;
    let text = format!("{} left", format::short(left));
    Some(context.labeled("websocket", text, expiry_style(context, left)))
}

fn expiry_style(context: &ViewContext, left: Duration) -> Style {
    if left < EXPIRES_SOON { context.theme.warn } else { context.theme.text }
}

fn lost_events(context: &ViewContext) -> Option<SpanGroup> {
    let runtime = &context.live.runtime;
    // The header shows a failing recording already.
    let is_failing = matches!(runtime.recorder, RecorderState::Failing { .. });
    let lost_lines = if is_failing { 0 } else { runtime.lost_lines };
    let parts = [
        (runtime.lost_events, "event missed by a reader", "events missed by a reader"),
        (lost_lines, "line not recorded", "lines not recorded"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| words::count(count, one, many))
        .collect();
    (!parts.is_empty()).then(|| {
        let text = format!("{} {}", context.glyphs.alert, parts.join(", "));
        vec![Span::styled(text, context.theme.bad)]
    })
}

fn second_row(context: &ViewContext, width: usize) -> Vec<SpanGroup> {
    match context.snapshot().link {
        LinkState::Connected { .. } => traffic(context),
        LinkState::Off { .. } => vec![vec![Span::styled(off_hint(context), context.theme.dim)]],
        _ => vec![reason(context, width)],
    }
}

fn off_hint(context: &ViewContext) -> String {
    let key = context.keymap.key_text(Action::ToggleConnection);
    format!("press {key} to connect again; not counted as a drop or as down time")
}

/// The traffic of the session, most important items first: a narrow screen shows only those.
fn traffic(context: &ViewContext) -> Vec<SpanGroup> {
    let theme = context.theme;
    let session = &context.snapshot().session;
    let runtime = &context.published.runtime;
    let mut row = vec![
        context.labeled("in", format::count(session.received), theme.text),
        context.labeled("out", format::count(session.published), theme.text),
    ];
    if session.refused_subscriptions > 0 {
        let refused = u64::from(session.refused_subscriptions);
        let refused = words::count(refused, "subscription refused", "subscriptions refused");
        let text = format!("{} {refused}", context.glyphs.alert);
        row.push(vec![Span::styled(text, theme.warn)]);
    }
    row.extend(credentials(context));
    row.extend(websocket(context));
    let age = |at: Option<Stamp>| at.map(|at| format::short(context.now.since(at)));
    if let Some(received) = age(runtime.last_rx) {
        row.push(context.labeled("received", format!("{received} ago"), theme.text));
    }
    if let Some(sent) = age(runtime.last_tx) {
        row.push(context.labeled("sent", format!("{sent} ago"), theme.text));
    }
    let waiting = if runtime.queued > 0 { theme.warn } else { theme.text };
    let queued = format::count(u64::try_from(runtime.queued).unwrap_or(u64::MAX));
    row.push(context.labeled("queued", queued, waiting));
    if runtime.in_flight > 0 {
        row.push(context.labeled("in flight", runtime.in_flight.to_string(), theme.text));
    }
    row.push(context.labeled("pings", format::count(session.pings), theme.text));
    if session.subscriptions > 0 {
        row.push(context.labeled("subscriptions", session.subscriptions.to_string(), theme.text));
    }
    row
}

/// The reason of the outage: the newest failed connect, else the drop that began it.
fn reason(context: &ViewContext, width: usize) -> SpanGroup {
    let theme = context.theme;
    if let Some(failed) = &context.snapshot().last_failure {
        let label = "last attempt failed ";
        let text = failure_text(context, failed, width.saturating_sub(label.len()));
        return vec![Span::styled(label, theme.dim), Span::styled(text, theme.bad)];
    }
    let down = matches!(context.snapshot().link, LinkState::Down { .. });
    if let Some(drop) = context.snapshot().drops.last().filter(|_| down) {
        let name = drop.event.error_name.as_deref().map_or("unnamed error", ErrorName::short);
        let text = format!("{} {} {name}", words::drop_kind(drop.event.how), context.glyphs.dot);
        let label = "ended by ";
        let text = context.truncated(&text, width.saturating_sub(label.len()));
        return vec![Span::styled(label, theme.dim), Span::styled(text, theme.bad)];
    }
    vec![Span::styled("no session yet", theme.dim)]
}

/// A failed connect in words: the phase, the message, and the error name if it fits.
fn failure_text(context: &ViewContext, failed: &ConnectFailedEvent, columns: usize) -> String {
    let phase = failed.phase.map(|phase| format!("in {}: ", words::phase(phase))).unwrap_or_default();
    let name = failed.error_name.as_deref();
    // "NAME: official text (detail)": the detail is the most specific part, the name is for searching.
    let message = failed.error_message.as_deref().unwrap_or_default();
    let official = name.and_then(ErrorName::by_name).map(ErrorName::message);
    let detail = official.and_then(|official| message.strip_prefix(official.as_str()));
    let detail = detail.map(str::trim).and_then(|detail| detail.strip_prefix('(')?.strip_suffix(')'));
    let text = name.and_then(|name| message.strip_prefix(name)).unwrap_or(message);
    let text = detail.unwrap_or(text.trim_start_matches([':', ' ']));
    let message = context.sanitized(&format!("{phase}{text}")).into_owned();
    let name = name.map(|name| format!(" [{}]", context.sanitized(ErrorName::short(name))));
    match name {
        Some(name) if width(&message) + width(&name) <= columns => message + &name,
        _ => context.truncated(&message, columns),
    }
}
