//! Wrapping of paragraphs.

use unicode_width::UnicodeWidthStr as _;

/// Narrower than this nothing is broken any more.
const MIN_WIDTH: usize = 20;

/// `text` in lines of at most `width` columns, the first behind `first`, the others behind as many blanks.
///
/// A word that is longer than a line keeps a line of its own.
pub(super) fn wrap_paragraph(first: &str, text: &str, width: u16) -> String {
    let indent = first.width();
    let columns = usize::from(width).saturating_sub(indent).max(MIN_WIDTH);
    let (mut out, mut column) = (first.to_owned(), 0);
    // Only the ordinary space is a line break; no-break spaces are not.
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if column > 0 && column + 1 + word.width() > columns {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.width();
    }
    out.push('\n');
    out
}
