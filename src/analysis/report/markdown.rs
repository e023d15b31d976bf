//! How does an analysis read in a ticket or a forum?

use std::fmt::{self, Write as _};

use super::{Report, read_words};
use crate::export::markdown::{Escaped, report};

impl Report {
    /// The report of the export, verdict and all, with the input behind it, in GitHub's Markdown.
    pub fn markdown(&self) -> String {
        let mut text = report(&self.export);
        // Writing to a string cannot fail.
        let _ = self.section_input(&mut text);
        text
    }

    fn section_input(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "## Input\n\n{}.\n", Escaped(&read_words(&self.input)))?;
        for file in &self.input.files {
            let events = file.tally.events;
            writeln!(out, "- {} ({}, {events} events)", Escaped(&file.name), Escaped(file.form.name()))?;
            for remark in &file.remarks {
                writeln!(out, "  - {}", Escaped(remark))?;
            }
        }
        self.input.warnings.iter().try_for_each(|warning| writeln!(out, "- Warning: {}", Escaped(warning)))
    }
}
