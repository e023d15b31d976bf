//! One drop in detail.
//!
//! First what happened, and whether it fits the verdict; then the facts, the last packets, the connect of the session,
//! other events within a minute, and the recovery. Two columns on a wide screen, else one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::classify::describe_fit;
use crate::diagnostics::event::{DropKind, PacketNote, PhaseTiming};
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::{DropRecord, LogEntry, Stamp, codes, drop_description, words};
use crate::tui::format;
use crate::tui::model::{DropDetailView, ScrollLimits};

use super::line_layout::{bar_text, draw_line, pad_left, pad_right, wrap};
use super::list::{draw_border_text, scroll_arrows};
use super::panel::draw_focused_panel;
use super::{ViewContext, ViewState, events};

/// Minimum width of two columns.
const TWO_COLUMN_WIDTH: usize = 104;
/// Blank columns between them.
const GAP: u16 = 3;

/// Draws the drop that `detail` names.
pub(super) fn render(
    frame: &mut Frame,
    area: Rect,
    context: &ViewContext,
    detail: DropDetailView,
    state: &mut ViewState,
) {
    let title = vec![Span::styled(format!("Drop {}", detail.number), context.theme.title)];
    let inner = draw_focused_panel(frame, area, context, title);
    let found = context.snapshot().drops.iter().find(|drop| drop.number == detail.number);
    let Some(drop) = found else {
        let text = "this drop is no longer in the history; see the recording";
        draw_line(frame, inner, 0, &Line::styled(text, context.theme.dim));
        return;
    };
    let columns = usize::from(inner.width);
    let two = columns >= TWO_COLUMN_WIDTH;
    let half = if two { (inner.width - GAP) / 2 } else { inner.width };
    let page = DropDetailPage { context, drop, columns: usize::from(half) };
    let (mut first, second) = (page.description(), page.measurements());
    if !two {
        first.extend(second.iter().cloned());
    }
    let rows = usize::from(inner.height);
    let longest = if two { first.len().max(second.len()) } else { first.len() };
    let max_scroll = longest.saturating_sub(rows);
    state.scroll_limits = ScrollLimits { rows, max_scroll };
    let scroll = detail.scroll.min(max_scroll);
    draw(frame, Rect { width: half, ..inner }, &first, scroll);
    if two {
        let place = Rect { x: inner.x + half + GAP, width: inner.width - half - GAP, ..inner };
        draw(frame, place, &second, scroll);
    }
    if max_scroll > 0 {
        let arrows = scroll_arrows(context, scroll > 0, scroll < max_scroll);
        let text = format!(" line {} of {} {arrows} ", scroll + 1, max_scroll + 1);
        draw_border_text(frame, area, text, context.theme.dim);
    }
}

fn draw(frame: &mut Frame, area: Rect, lines: &[Line], scroll: usize) {
    for (row, line) in lines.iter().skip(scroll).take(usize::from(area.height)).enumerate() {
        draw_line(frame, area, row, line);
    }
}

/// The page about one drop, as lines of at most `columns`.
struct DropDetailPage<'a> {
    context: &'a ViewContext<'a>,
    drop: &'a DropRecord,
    columns: usize,
}

impl DropDetailPage<'_> {
    /// The left column: what happened, facts and packets.
    fn description(&self) -> Vec<Line<'static>> {
        let mut lines = vec![self.heading("What happened")];
        let sentences =
            drop_description::drop_sentences(self.drop, &self.context.format_clock(self.drop.at)).join(" ");
        lines.extend(self.wrapped(&sentences, self.context.theme.text));
        lines.push(Line::default());
        let verdict = self.context.published.verdict.as_deref();
        if let Some(relation) = verdict.and_then(|verdict| describe_fit(verdict, self.drop)) {
            lines.extend(self.wrapped(&relation, self.context.theme.text));
            lines.push(Line::default());
        }
        lines.push(self.heading("Facts"));
        lines.extend(self.facts());
        lines.push(Line::default());
        lines.push(self.heading("Last packets"));
        lines.extend(self.packets());
        lines.push(Line::default());
        lines
    }

    /// The right column: session setup, other events, recovery.
    fn measurements(&self) -> Vec<Line<'static>> {
        let mut lines = vec![self.heading("Session setup")];
        match &self.drop.attempt {
            Some(attempt) => lines.extend(self.phases(&attempt.phases)),
            None => lines.push(self.dim("not recorded")),
        }
        lines.push(Line::default());
        lines.push(self.heading("Within one minute"));
        lines.extend(self.events());
        lines.push(Line::default());
        lines.push(self.heading("Recovery"));
        lines.extend(self.recovery());
        lines
    }

    fn heading(&self, text: &str) -> Line<'static> {
        Line::styled(text.to_owned(), self.context.theme.accent.patch(self.context.theme.strong))
    }

    fn dim(&self, text: &str) -> Line<'static> {
        Line::styled(text.to_owned(), self.context.theme.dim)
    }

    fn wrapped(&self, text: &str, style: Style) -> Vec<Line<'static>> {
        wrap(&self.context.sanitized(text), self.columns)
            .into_iter()
            .map(|line| Line::styled(line, style))
            .collect()
    }

    /// `label   value`, the value wrapped under itself.
    fn fact(&self, label: &str, value: &str) -> Vec<Line<'static>> {
        const LABEL: usize = 15;
        let available = self.columns.saturating_sub(LABEL);
        let lead = |index: usize| pad_right(if index == 0 { label } else { "" }, LABEL);
        wrap(&self.context.sanitized(value), available)
            .into_iter()
            .enumerate()
            .map(|(index, text)| {
                Line::from(vec![Span::styled(lead(index), self.context.theme.dim), Span::raw(text)])
            })
            .collect()
    }

    fn facts(&self) -> Vec<Line<'static>> {
        let event = &self.drop.event;
        let detected = format::time_of_day_ms(self.drop.at.wall, self.context.offset);
        let (earliest, latest) = self.drop.death_window;
        let window = latest.since(earliest);
        let mut lines = Vec::new();
        let mut fact = |label: &str, value: String| lines.extend(self.fact(label, &value));
        fact("detected", format::date_time(self.drop.at.wall, self.context.offset));
        // A peer that closes is alive at that moment; only a silent death has a death window.
        if matches!(event.how, Some(DropKind::PingTimeout | DropKind::Io | DropKind::Rst) | None)
            && !window.is_zero()
        {
            let between = format!("{} and {detected}", self.context.format_clock(earliest));
            fact("died between", format!("{between} ({})", format::short(window)));
        }
        let layer = match event.layer {
            Some(layer) => format!("{}, layer {}", words::drop_kind(event.how), words::layer(Some(layer))),
            None => words::drop_kind(event.how).into(),
        };
        fact("ended by", layer);
        if let Some(name) = &event.error_name {
            let code = event.error_code.map(|code| format!(" ({code})")).unwrap_or_default();
            fact("error", format!("{name}{code}"));
        }
        if let Some(message) = &event.error_message {
            let text = event.error_name.as_deref().and_then(|name| message.strip_prefix(name));
            fact("message", text.unwrap_or(message).trim_start_matches([':', ' ']).to_owned());
        }
        if let Some(code) = event.reason_code {
            let meaning = codes::reason_words(code).unwrap_or("not in the standard");
            fact("reason code", format!("0x{code:02X}, {meaning}"));
        }
        if let Some(code) = event.ws_close_code {
            let meaning = codes::websocket_close_words(code).unwrap_or("not in the standard");
            fact("close code", format!("{code}, {meaning}"));
        }
        if let Some(start) = self.drop.session_start {
            let age = format::uptime(self.drop.at.since(start));
            fact("session", format!("{age}, since {}", self.context.format_time(start)));
        }
        let idle = |length| format::short_or_unknown(length);
        fact("idle", format!("in {}, out {}", idle(self.drop.idle_in), idle(self.drop.idle_out)));
        let counts = self.drop.counts;
        let traffic = format!("in {}, out {}, pings {}", counts.received, counts.published, counts.pings);
        fact("messages", traffic);
        fact("keep-alive", format!("{} s", self.drop.keep_alive_secs));
        fact("subscriptions", event.active_subscriptions.to_string());
        fact("queued", event.queued_commands.to_string());
        lines
    }

    fn packets(&self) -> Vec<Line<'static>> {
        let packets = &self.drop.event.packets;
        if packets.is_empty() {
            return vec![self.dim("not recorded")];
        }
        packets.iter().map(|packet| self.packet(packet)).collect()
    }

    /// `→ PINGREQ        2 B   0.3 s before`, then the topic.
    fn packet(&self, packet: &PacketNote) -> Line<'static> {
        let (glyphs, theme) = (self.context.glyphs, self.context.theme);
        let (sign, style) =
            if packet.incoming { (glyphs.left, theme.good) } else { (glyphs.right, theme.accent) };
        let kind = pad_right(&self.context.truncated(&packet.packet, 11), 11);
        let size = pad_left(&format::bytes(u64::from(packet.bytes)), 8);
        let ago = pad_left(&format::millis(packet.ago_secs * 1_000.0), 7);
        let fixed = 2 + 11 + 8 + 2 + 7 + 7 + 2;
        let topic = packet.topic.as_deref().unwrap_or_default();
        let topic = self.context.truncated(topic, self.columns.saturating_sub(fixed));
        Line::from(vec![
            Span::styled(format!("{sign} "), style),
            Span::raw(format!("{kind}{size}  {ago}")),
            Span::styled(format!(" before  {topic}"), theme.dim),
        ])
    }

    /// One bar per phase, on the scale of the slowest.
    fn phases(&self, phases: &[PhaseTiming]) -> Vec<Line<'static>> {
        let (glyphs, theme) = (self.context.glyphs, self.context.theme);
        let slowest = phases.iter().map(|phase| phase.ms).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let columns = self.columns.saturating_sub(24).min(40);
        let mut lines = Vec::new();
        for phase in phases {
            let (sign, style) = if phase.ok { (glyphs.check, theme.good) } else { (glyphs.cross, theme.bad) };
            lines.push(Line::from(vec![
                Span::styled(format!("{sign} "), style),
                Span::raw(pad_right(words::phase(phase.phase), 10)),
                Span::styled(pad_left(&format::millis(phase.ms), 8), theme.strong),
                Span::styled(format!("  {}", bar_text(phase.ms / slowest, columns, glyphs)), style),
            ]));
            let remark = phase.error.as_deref().or(phase.detail.as_deref());
            if let Some(remark) = remark {
                let text = self.context.truncated(remark, self.columns.saturating_sub(4));
                lines.push(Line::styled(format!("    {text}"), theme.dim));
            }
        }
        let total: f64 = phases.iter().map(|phase| phase.ms).sum();
        lines.push(self.dim(&format!("  {}{}", pad_right("total", 10), pad_left(&format::millis(total), 8))));
        lines
    }

    /// Log entries within one minute of the drop, including the drop itself.
    fn events(&self) -> Vec<Line<'static>> {
        let entries = self.drop.before.iter().chain(&self.drop.after);
        let lines: Vec<_> = entries.flat_map(|entry| self.event(entry)).collect();
        if lines.is_empty() { vec![self.dim("nothing else")] } else { lines }
    }

    /// `-58.0 s  text`: time relative to the drop, the text wrapped under itself.
    fn event(&self, entry: &LogEntry) -> Vec<Line<'static>> {
        const LEAD: usize = 10;
        let theme = self.context.theme;
        let style = events::level_style(self.context, entry.level);
        let lead = pad_left(&self.relative(entry.at), LEAD - 2);
        wrap(&self.context.sanitized(&entry.text), self.columns.saturating_sub(LEAD))
            .into_iter()
            .enumerate()
            .map(|(index, text)| {
                let lead = if index == 0 { lead.as_str() } else { "" };
                Line::from(vec![Span::styled(pad_right(lead, LEAD), theme.dim), Span::styled(text, style)])
            })
            .collect()
    }

    fn relative(&self, at: Stamp) -> String {
        let (after, before) = (at.since(self.drop.at), self.drop.at.since(at));
        match (after.is_zero(), before.is_zero()) {
            (false, _) => format!("+{}", format::short(after)),
            (_, false) => format!("-{}", format::short(before)),
            _ => "0 s".into(),
        }
    }

    fn recovery(&self) -> Vec<Line<'static>> {
        let theme = self.context.theme;
        let Some(recovery) = &self.drop.recovery else {
            let failed =
                words::count(u64::from(self.drop.failed_attempts), "failed attempt", "failed attempts");
            return vec![Line::styled(format!("not recovered; {failed}"), theme.bad)];
        };
        let attempts = self.drop.failed_attempts.saturating_add(1);
        let session_state = if recovery.session_present { "session kept" } else { "new session" };
        let took = duration_words(recovery.took);
        let text = format!("recovered after {took} at attempt {attempts}, {session_state}");
        let mut lines = vec![Line::styled(text, theme.good)];
        let phase =
            |phase: &PhaseTiming| format!("{} {}", words::phase(phase.phase), format::millis(phase.ms));
        let phases: Vec<_> = recovery.phases.iter().map(phase).collect();
        lines.extend(self.wrapped(&phases.join(", "), theme.dim));
        lines
    }
}
