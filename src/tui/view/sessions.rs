//! The Sessions panel: availability, mean times, and a histogram of session lengths.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::diagnostics::{Metrics, words};
use crate::tui::format;
use crate::tui::text::width;

use super::ViewContext;
use super::line_layout::{SpanGroup, draw_line, join_fitting, spark_level};
use super::panel::draw_panel;

/// Names of the classes of [`Metrics::SESSION_BOUNDS`]: the lower bound of each.
const CLASS_LABELS: [&str; Metrics::SESSION_BOUNDS.len() + 1] =
    ["<1s", "1s", "5s", "15s", "1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d+"];

/// Draws the panel: figures first, the histogram in the remaining rows.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let inner = draw_panel(frame, area, context, vec![Span::styled("Sessions", context.theme.title)]);
    let (rows, columns) = (usize::from(inner.height), usize::from(inner.width));
    let metrics = &context.snapshot().metrics;
    let figures = figures(context);
    let ended: u64 = metrics.session_histogram.iter().sum();
    let histogram_rows = if ended > 0 { 2 } else { 1 };
    let shown = figures.len().min(rows.saturating_sub(histogram_rows).max(1));
    for (row, items) in figures.into_iter().take(shown).enumerate() {
        draw_line(frame, inner, row, &join_fitting(items, columns, 2));
    }
    let left = rows.saturating_sub(shown);
    if ended == 0 {
        let text = "no session has ended yet";
        draw_line(frame, inner, shown, &Line::styled(text, context.theme.dim));
    } else if left >= 2 {
        let gap = usize::from(left >= 4);
        let lines = histogram(context, (left - gap).min(9), columns);
        for (row, line) in lines.iter().enumerate() {
            draw_line(frame, inner, shown + gap + row, line);
        }
    }
}

/// Rows of figures, most important first.
fn figures(context: &ViewContext) -> Vec<Vec<SpanGroup>> {
    let theme = context.theme;
    let metrics = &context.snapshot().metrics;
    let length = |value: Option<Duration>| format::short_or_unknown(value);
    let item = |label: &str, value: String| context.labeled(label, value, theme.strong);
    let availability = words::availability(metrics);
    let availability =
        availability.map_or_else(|| format::UNKNOWN.into(), |text| context.sanitized(&text).into_owned());
    let median = metrics.session_percentiles.map(|p| p.p50);
    let slowest = metrics.recovery_percentiles.map(|p| p.max);
    vec![
        vec![
            item("up", availability),
            item("drops", format::count(metrics.total_connection_drops)),
            vec![Span::styled(rate(metrics), theme.dim)],
        ],
        vec![
            item("mean up", length(metrics.average_with_running())),
            item("median", length(median)),
            item("MTBF", length(metrics.mtbf())),
        ],
        vec![item("mean down (MTTR)", length(metrics.mttr)), item("worst", length(slowest))],
        vec![
            item("shortest", length(metrics.shortest_session)),
            item("longest", length(metrics.longest_with_running())),
        ],
    ]
}

/// Drops per day of connected time, `5.6/day`; empty during the first ten minutes.
fn rate(metrics: &Metrics) -> String {
    const MIN_CONNECTED_SECS: f64 = 600.0;
    let connected = metrics.connected.as_secs_f64();
    if connected < MIN_CONNECTED_SECS || metrics.total_connection_drops == 0 {
        return String::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 drops")]
    let rate = metrics.total_connection_drops as f64 * 86_400.0 / connected;
    if rate < 9.95 { format!("{rate:.1}/day") } else { format!("{rate:.0}/day") }
}

/// Vertical bars over the classes, `rows` high including the labels below.
fn histogram(context: &ViewContext, rows: usize, columns: usize) -> Vec<Line<'static>> {
    let theme = context.theme;
    let counts = &context.snapshot().metrics.session_histogram;
    let highest = counts.iter().copied().max().unwrap_or(0);
    let pitch = (columns / CLASS_LABELS.len()).clamp(1, 6);
    let bar = pitch.saturating_sub(1).max(1);
    let height = rows.saturating_sub(1).max(1);
    let mut lines = Vec::new();
    for row in (0..height).rev() {
        let cell = |count: &u64| {
            let sign = bar_cell(context, *count, highest, row, height);
            format!("{}{}", sign.repeat(bar), " ".repeat(pitch - bar))
        };
        lines.push(Line::styled(counts.iter().map(cell).collect::<String>(), theme.accent));
    }
    // A label every `stride` classes, so that the widest label fits.
    let widest = CLASS_LABELS.iter().map(|label| width(label)).max().unwrap_or(1);
    let stride = (widest + 1).div_ceil(pitch);
    let mut labels = String::new();
    for (class, label) in CLASS_LABELS.iter().enumerate().step_by(stride) {
        labels.push_str(&" ".repeat((class * pitch).saturating_sub(width(&labels))));
        labels.push_str(label);
    }
    lines.push(Line::styled(labels, theme.dim));
    lines
}

/// The cell of a bar in one row: full, partial or empty. A count of one is always visible.
fn bar_cell(context: &ViewContext, count: u64, highest: u64, row: usize, height: usize) -> &'static str {
    #[expect(clippy::cast_precision_loss, reason = "a share of a bar")]
    let filled = count as f64 / highest.max(1) as f64 * height as f64;
    #[expect(clippy::cast_precision_loss, reason = "a row number")]
    let fill = filled - row as f64;
    let glyphs = context.glyphs;
    if fill > 0.0 { glyphs.spark[spark_level(fill.min(1.0), 1.0)] } else { " " }
}
