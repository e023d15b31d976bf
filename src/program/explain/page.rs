//! The explanation as text for a terminal.

use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthStr as _;

use super::{ExplainReport, ExplanationGroup};
use crate::classify::explain::{LikelyCause, Meaning};
use crate::classify::{TextWrap, percent};

/// Wider lines are hard to read.
const MAX_WIDTH: u16 = 100;

/// Paragraphs are not broken into narrower columns than this.
const MIN_COLUMNS: usize = 20;

/// Causes listed with a check and a fix; the others only by name.
const DETAILED_CAUSES: usize = 3;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const ACCENT: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

struct ExplainPage {
    out: String,
    width: u16,
    has_color: bool,
}

/// The report as paragraphs.
pub(super) fn page(report: &ExplainReport, width: u16, has_color: bool) -> Result<String, fmt::Error> {
    let mut page = ExplainPage { out: String::new(), width: width.min(MAX_WIDTH), has_color };
    if report.lines == 0 {
        page.out.push_str("Nothing was given to explain.\n");
        return Ok(page.out);
    }
    for (index, group) in report.explanations.iter().enumerate() {
        if index > 0 {
            page.out.push('\n');
        }
        match &group.explanation.found {
            Some(meaning) => page.known(group, meaning, report.lines > 1)?,
            None => page.unknown(group)?,
        }
    }
    if report.lines > 1 {
        let known = report.lines - report.unknown_lines;
        let count = format!("{known} of {} lines matched.", report.lines);
        write!(page.out, "\n{}", page.styled(DIM, &count))?;
        page.out.push('\n');
    }
    Ok(page.out)
}

impl ExplainPage {
    fn styled(&self, style: &str, text: &str) -> String {
        if self.has_color { format!("{style}{text}{RESET}") } else { text.to_owned() }
    }

    /// A paragraph. Wrapping counts escape sequences as columns, so only `first` may be styled afterwards.
    fn paragraph(&mut self, first: &str, text: &str) {
        let indent = first.width();
        let columns = usize::from(self.width).saturating_sub(indent).max(MIN_COLUMNS);
        let lines = TextWrap::new(columns).lines(text);
        self.out.push_str(first);
        self.out.push_str(&lines.join(&format!("\n{:indent$}", "")));
        self.out.push('\n');
    }

    fn known(&mut self, group: &ExplanationGroup, meaning: &Meaning, is_log: bool) -> fmt::Result {
        let title = self.styled(BOLD, &meaning.name);
        let source = self.styled(DIM, &meaning.source);
        write!(self.out, "{title}  {source}")?;
        if is_log {
            let lines = if group.count == 1 { "line" } else { "lines" };
            let count = self.styled(ACCENT, &format!("{} {lines}", group.count));
            write!(self.out, "  {count}")?;
        }
        self.out.push('\n');
        if is_log {
            self.paragraph("  > ", &group.explanation.text);
        }
        self.paragraph("  ", &meaning.meaning);
        if meaning.is_harmless && is_log {
            return Ok(());
        }
        if !meaning.steps.is_empty() {
            self.heading("What to do first");
            for step in &meaning.steps {
                self.paragraph("  - ", step);
            }
        }
        self.causes(&meaning.causes)?;
        if !group.explanation.also.is_empty() && !is_log {
            self.heading("Also matches");
            for other in &group.explanation.also {
                self.paragraph("  - ", &format!("{}, {}: {}", other.name, other.source, other.meaning));
            }
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) {
        let heading = self.styled(BOLD, text);
        self.out.push_str("\n  ");
        self.out.push_str(&heading);
        self.out.push('\n');
    }

    fn causes(&mut self, causes: &[LikelyCause]) -> fmt::Result {
        if causes.is_empty() {
            return Ok(());
        }
        self.heading("Likely causes");
        for likely in causes.iter().take(DETAILED_CAUSES) {
            let percent = format!("{:>5}", percent(likely.cause.probability));
            let (percent, name) = (self.styled(ACCENT, &percent), self.styled(BOLD, &likely.cause.name));
            writeln!(self.out, "  {percent}  {name}")?;
            self.paragraph("         check  ", &likely.check);
            self.paragraph("         fix    ", &likely.fix);
        }
        let rest: Vec<String> = causes
            .iter()
            .skip(DETAILED_CAUSES)
            .map(|likely| {
                let share = percent(likely.cause.probability).replace(' ', "\u{a0}");
                format!("{} ({share})", likely.cause.name)
            })
            .collect();
        if !rest.is_empty() {
            self.paragraph("         or     ", &rest.join(", "));
        }
        Ok(())
    }

    fn unknown(&mut self, group: &ExplanationGroup) -> fmt::Result {
        let title = self.styled(BOLD, "No match");
        writeln!(self.out, "{title}")?;
        self.paragraph("  > ", &group.explanation.text);
        if let Some(advice) = &group.explanation.advice {
            self.paragraph("  ", advice);
        }
        if !group.explanation.nearest.is_empty() {
            self.heading("Did you mean");
            for nearest in &group.explanation.nearest {
                self.paragraph("  - ", &format!("{}, {}", nearest.name, nearest.source));
            }
        }
        Ok(())
    }
}
