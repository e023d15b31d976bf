//! The analysis as Markdown, for a ticket or a forum.

use std::fmt::{self, Write as _};

use super::{AnalysisReport, input_sentence};
use crate::export::markdown::{EscapedMarkdown, report};

impl AnalysisReport {
    /// The report of the export with its verdict, then the input, in GitHub's Markdown.
    pub fn markdown(&self) -> String {
        let mut text = report(&self.export);
        // Writing to a string cannot fail.
        let _ = self.write_input_section(&mut text);
        text
    }

    fn write_input_section(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "## Input\n\n{}.\n", EscapedMarkdown(&input_sentence(&self.input)))?;
        for file in &self.input.files {
            let events = file.tally.events;
            writeln!(
                out,
                "- {} ({}, {events} events)",
                EscapedMarkdown(&file.name),
                EscapedMarkdown(file.format.name())
            )?;
            for remark in &file.remarks {
                writeln!(out, "  - {}", EscapedMarkdown(remark))?;
            }
        }
        self.input
            .warnings
            .iter()
            .try_for_each(|warning| writeln!(out, "- Warning: {}", EscapedMarkdown(warning)))
    }
}
