//! Tables: columns of fixed width that are left out by rank on a narrow screen.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::ViewContext;
use super::line_layout::{SpanGroup, pad_left, pad_right};

/// Blank columns between two cells.
const GAP: usize = 2;

/// One column of a table with rows of type `T`.
pub(super) struct TableColumn<T> {
    title: &'static str,
    width: usize,
    right_aligned: bool,
    /// Columns with the largest rank are left out first. Ranks of one table are unique.
    rank: u8,
    text: fn(&ViewContext, &T) -> String,
    style: fn(&ViewContext, &T) -> Style,
}

impl<T> TableColumn<T> {
    /// A column of text, aligned to the left.
    pub(super) const fn text(
        rank: u8,
        title: &'static str,
        width: usize,
        text: fn(&ViewContext, &T) -> String,
    ) -> Self {
        Self { title, width, right_aligned: false, rank, text, style: text_style }
    }

    /// A column of figures, aligned to the right.
    pub(super) const fn figure(
        rank: u8,
        title: &'static str,
        width: usize,
        text: fn(&ViewContext, &T) -> String,
    ) -> Self {
        Self { title, width, right_aligned: true, rank, text, style: text_style }
    }

    /// The same column with another style.
    pub(super) const fn styled(mut self, style: fn(&ViewContext, &T) -> Style) -> Self {
        self.style = style;
        self
    }

    fn pad(&self, text: &str) -> String {
        if self.right_aligned { pad_left(text, self.width) } else { pad_right(text, self.width) }
    }
}

fn text_style<T>(context: &ViewContext, _: &T) -> Style {
    context.theme.text
}

/// The columns that fit into `available`, in reading order.
pub(super) fn fitting_columns<T>(
    available: usize,
    all: &'static [TableColumn<T>],
) -> Vec<&'static TableColumn<T>> {
    let mut by_rank: Vec<&TableColumn<T>> = all.iter().collect();
    by_rank.sort_by_key(|column| column.rank);
    let mut used = 0;
    let fits = |column: &&&TableColumn<T>| {
        used += column.width + GAP;
        used <= available + GAP
    };
    let chosen: Vec<u8> = by_rank.iter().take_while(fits).map(|column| column.rank).collect();
    all.iter().filter(|column| chosen.contains(&column.rank)).collect()
}

/// The heading line, `indent` columns from the left.
pub(super) fn heading<T>(context: &ViewContext, columns: &[&TableColumn<T>], indent: usize) -> Line<'static> {
    let titles: Vec<_> = columns.iter().map(|column| column.pad(column.title)).collect();
    let text = titles.join(&" ".repeat(GAP));
    Line::styled(format!("{}{text}", " ".repeat(indent)), context.theme.dim)
}

/// The cells of one row. A selected row is reversed as a whole, so its cells have one style.
pub(super) fn cells<T>(
    context: &ViewContext,
    columns: &[&TableColumn<T>],
    item: &T,
    is_selected: bool,
) -> SpanGroup {
    let cell = |column: &&TableColumn<T>| {
        let text = context.truncated(&(column.text)(context, item), column.width);
        let style = if is_selected { context.theme.text } else { (column.style)(context, item) };
        [Span::styled(column.pad(&text), style), Span::raw(" ".repeat(GAP))]
    };
    columns.iter().flat_map(cell).collect()
}
