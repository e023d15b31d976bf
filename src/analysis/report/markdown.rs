//! How does an analysis read in a ticket or a forum?

use std::fmt::{self, Write as _};

use super::{Report, causes, expected, percent, read_words, runners_up};
use crate::export::markdown::{Escaped, report};

impl Report {
    /// The report of the export with the verdict before it and the input behind it, in GitHub's Markdown.
    pub fn markdown(&self) -> String {
        let whole = report(&self.export);
        // The verdict goes before the first section.
        let (head, sections) = whole.find("\n## ").map_or((whole.as_str(), ""), |at| whole.split_at(at + 1));
        let mut text = head.to_owned();
        // Writing to a string cannot fail.
        let _ = self.section_why(&mut text);
        text.push_str(sections);
        let _ = self.section_input(&mut text);
        text
    }

    fn section_why(&self, out: &mut String) -> fmt::Result {
        let (said, diagnosis) = (&self.classification, &self.diagnosis);
        writeln!(out, "## Why\n")?;
        writeln!(
            out,
            "**{}** ({}): {}.\n",
            said.pattern.title(),
            percent(said.confidence),
            said.pattern.meaning()
        )?;
        for evidence in &said.evidence {
            writeln!(out, "- For it: {}", Escaped(evidence))?;
        }
        for against in &diagnosis.against {
            writeln!(out, "- Against it: {}", Escaped(against))?;
        }
        for also in &diagnosis.also {
            writeln!(out, "- Also: {}", Escaped(&also.sentence))?;
        }
        let lines = [
            ("Otherwise", joined(&runners_up(said))),
            ("Causes", joined(&causes(diagnosis))),
            ("To tell apart", diagnosis.separate.clone()),
            ("Missing", said.missing.clone()),
            ("Next drop expected", expected(diagnosis)),
            ("Do next", Some(diagnosis.next.text.clone())),
        ];
        for (label, line) in lines {
            if let Some(line) = line {
                writeln!(out, "- {label}: {}", Escaped(&line))?;
            }
        }
        writeln!(out)
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

fn joined(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(", "))
}
