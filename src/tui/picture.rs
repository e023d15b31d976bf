//! A drawn screen as an SVG picture, for documents.
//!
//! Every cell stays on an exact grid with any font: runs of ASCII get a
//! `textLength`, everything else its own coordinate, and line-drawing characters that must meet are
//! drawn as shapes. The same buffer always gives the same text.

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::text::replace_unsafe_cells;
use super::theme::Glyphs;
use super::view::{self, ViewContext, ViewState};

mod shapes;

/// Width of a cell in SVG units.
const CELL_WIDTH: f64 = 8.4;
/// Height of a cell in SVG units.
const CELL_HEIGHT: f64 = 18.0;
/// Text baseline, from the top of the cell.
const BASELINE: f64 = 13.2;
/// Empty space around the screen.
const MARGIN: f64 = 12.0;
/// The default colors of the screen ("reset").
const FOREGROUND: &str = "#d8dee9";
const BACKGROUND: &str = "#14181f";
/// The 16 colors of a terminal, in order.
const PALETTE: [&str; 16] = [
    "#3b4252", "#e5687a", "#8fcf86", "#e6c677", "#7aa2e3", "#c08be0", "#6cc7d6", "#d8dee9", "#66728a",
    "#f08a98", "#a8e0a0", "#f2d791", "#9bbcf0", "#d4a8ee", "#8edbe6", "#ffffff",
];

/// Draws one frame of `width`×`height` cells and returns it as a self-contained SVG document.
pub fn screen_to_svg(context: &ViewContext, width: u16, height: u16) -> String {
    let unicode = *context.glyphs != Glyphs::ascii();
    let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
    let Ok(frame) = terminal.draw(|frame| {
        view::render(frame, context, &mut ViewState::default());
        replace_unsafe_cells(frame.buffer_mut(), unicode);
    });
    buffer_to_svg(frame.buffer)
}

/// Returns `buffer` as a self-contained SVG document.
pub fn buffer_to_svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (
        f64::from(area.width).mul_add(CELL_WIDTH, 2.0 * MARGIN),
        f64::from(area.height).mul_add(CELL_HEIGHT, 2.0 * MARGIN),
    );
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.1} {height:.1}" width="{width:.0}" height="{height:.0}" font-family="'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="14">
<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>
"#
    );
    for y in 0..area.height {
        let row: Vec<&Cell> = (0..area.width).map(|x| &buffer[(area.x + x, area.y + y)]).collect();
        draw_row(&mut svg, &row, MARGIN + f64::from(y) * CELL_HEIGHT);
    }
    svg.push_str("</svg>\n");
    svg
}

/// The style of a cell, with reversal and dimming resolved to colors.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CellStyle {
    foreground: String,
    background: Option<String>,
    bold: bool,
    italic: bool,
    underlined: bool,
}

impl CellStyle {
    fn from_cell(cell: &Cell) -> Self {
        let modifier = cell.modifier;
        let (mut foreground, mut background) = (color_value(cell.fg), color_value(cell.bg));
        if modifier.contains(Modifier::REVERSED) {
            (foreground, background) = (
                Some(background.unwrap_or_else(|| BACKGROUND.to_owned())),
                Some(foreground.unwrap_or_else(|| FOREGROUND.to_owned())),
            );
        }
        let foreground = foreground.unwrap_or_else(|| FOREGROUND.to_owned());
        Self {
            foreground: if modifier.contains(Modifier::DIM) { dimmed(&foreground) } else { foreground },
            background,
            bold: modifier.contains(Modifier::BOLD),
            italic: modifier.contains(Modifier::ITALIC),
            underlined: modifier.contains(Modifier::UNDERLINED),
        }
    }

    /// The attributes of a `text` element.
    fn attributes(&self) -> String {
        let mut attributes = format!(r#"fill="{}""#, self.foreground);
        for (is, attribute) in [
            (self.bold, r#" font-weight="bold""#),
            (self.italic, r#" font-style="italic""#),
            (self.underlined, r#" text-decoration="underline""#),
        ] {
            if is {
                attributes.push_str(attribute);
            }
        }
        attributes
    }
}

/// The palette value of a terminal color; `None` = the default of the screen.
fn color_value(color: Color) -> Option<String> {
    let index = match color {
        Color::Reset => return None,
        Color::Rgb(red, green, blue) => return Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Indexed(index) => usize::from(index),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(PALETTE.get(index).map_or_else(|| indexed(index), |known| (*known).to_owned()))
}

/// `foreground` at 58 % over the background.
fn dimmed(foreground: &str) -> String {
    let channel = |text: &str, at: usize| {
        text.get(at..at + 2).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0)
    };
    let mix = |at: usize| (channel(foreground, at) * 58 + channel(BACKGROUND, at) * 42) / 100;
    format!("#{:02x}{:02x}{:02x}", mix(1), mix(3), mix(5))
}

/// Colors 16 to 255 of the xterm palette.
fn indexed(index: usize) -> String {
    let level = |step: usize| if step == 0 { 0 } else { 55 + 40 * step };
    let (red, green, blue) = match index.saturating_sub(16) {
        cube @ 0..216 => (level(cube / 36), level(cube / 6 % 6), level(cube % 6)),
        grey => {
            let grey = 8 + 10 * (grey - 216).min(23);
            (grey, grey, grey)
        }
    };
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Backgrounds first, then runs of text and shapes.
fn draw_row(svg: &mut String, row: &[&Cell], top: f64) {
    let styles: Vec<CellStyle> = row.iter().map(|cell| CellStyle::from_cell(cell)).collect();
    let mut x = 0;
    while x < row.len() {
        let length = styles[x..].iter().take_while(|next| next.background == styles[x].background).count();
        if let Some(background) = &styles[x].background {
            let (left, width) = (cell_x(x), columns_width(length));
            let _ = writeln!(
                svg,
                r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{CELL_HEIGHT}" fill="{background}"/>"#
            );
        }
        x += length;
    }
    let mut x = 0;
    while x < row.len() {
        let symbol = row[x].symbol();
        if symbol.trim().is_empty() {
            x += 1;
            continue;
        }
        let is_same_cell =
            |&(index, cell): &(usize, &&Cell)| cell.symbol() == symbol && styles[index] == styles[x];
        let joined = row.iter().enumerate().skip(x).take_while(is_same_cell).count();
        let length = if shapes::is_joined(symbol) { joined } else { 1 };
        if let Some(shape) =
            shapes::shape(symbol, (cell_x(x), top), columns_width(length), &styles[x].foreground)
        {
            let _ = writeln!(svg, "{shape}");
            x += length;
            continue;
        }
        let is_same_run =
            |&(index, cell): &(usize, &&Cell)| cell.symbol().is_ascii() && styles[index] == styles[x];
        let length = if symbol.is_ascii() {
            row.iter().enumerate().skip(x).take_while(is_same_run).count()
        } else {
            1
        };
        let run: String = row[x..x + length].iter().map(|cell| cell.symbol()).collect();
        draw_text(svg, run.trim_end(), x, top, &styles[x]);
        x += length.max(symbol.width());
    }
}

/// One run of text, stretched to its cells.
fn draw_text(svg: &mut String, run: &str, x: usize, top: f64, style: &CellStyle) {
    let escaped = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (left, baseline) = (cell_x(x), top + BASELINE);
    let stretch = if run.is_ascii() {
        format!(r#" textLength="{:.1}" lengthAdjust="spacingAndGlyphs""#, columns_width(run.len()))
    } else {
        String::new()
    };
    let _ = writeln!(
        svg,
        r#"<text xml:space="preserve" x="{left:.1}" y="{baseline:.1}" {}{stretch}>{escaped}</text>"#,
        style.attributes()
    );
}

fn cell_x(column: usize) -> f64 {
    MARGIN + columns_width(column)
}

#[expect(clippy::cast_precision_loss, reason = "a column of a screen")]
fn columns_width(count: usize) -> f64 {
    count as f64 * CELL_WIDTH
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn buffer() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_string(0, 0, "a<b & c ─╭█▃ 東", Style::new().fg(Color::Red));
        buffer.set_string(3, 1, "on", Style::new().bg(Color::Cyan).add_modifier(Modifier::REVERSED));
        buffer
    }

    #[test]
    fn text_is_escaped_and_aligned_to_the_grid() {
        let svg = buffer_to_svg(&buffer());
        assert!(svg.contains("a&lt;b &amp; c"), "{svg}");
        assert!(svg.contains(r#"textLength="58.8""#), "seven ASCII cells of 8.4: {svg}");
        assert!(svg.contains(PALETTE[1]), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<text").count() + 3, 1 + 3 + 1 + 1, "{svg}");
    }

    #[test]
    fn reversed_cells_swap_foreground_and_background() {
        let svg = buffer_to_svg(&buffer());
        let background_rect = format!(r#"width="16.8" height="18" fill="{FOREGROUND}""#);
        assert!(svg.contains(&background_rect), "{svg}");
        assert!(svg.contains(&format!(r#"fill="{}""#, PALETTE[6])), "{svg}");
    }

    #[test]
    fn the_same_buffer_gives_the_same_picture() {
        assert_eq!(buffer_to_svg(&buffer()), buffer_to_svg(&buffer()));
    }

    #[test]
    fn dim_cells_blend_with_the_background() {
        assert_eq!(dimmed("#ffffff"), "#9c9da0");
        assert_eq!(dimmed(BACKGROUND), BACKGROUND);
    }

    #[test]
    fn extended_colors_follow_the_xterm_cube() {
        assert_eq!(indexed(16), "#000000");
        assert_eq!(indexed(231), "#ffffff");
        assert_eq!(indexed(255), "#eeeeee");
    }
}
