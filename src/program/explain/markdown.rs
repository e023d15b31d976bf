//! An explanation as Markdown, for an issue.

use std::fmt::{self, Write as _};

use super::{ExplainReport, ExplanationGroup};
use crate::classify::explain::Meaning;
use crate::classify::percent;

/// The report with headings and lists.
pub(super) fn markdown(report: &ExplainReport) -> Result<String, fmt::Error> {
    let mut out = String::new();
    for group in &report.explanations {
        match &group.explanation.found {
            Some(meaning) => known(&mut out, group, meaning)?,
            None => unknown(&mut out, group)?,
        }
    }
    if report.lines != 1 {
        writeln!(out, "{} of {} lines matched.", report.lines - report.unknown_lines, report.lines)?;
    }
    Ok(out)
}

/// Escapes the characters that have a meaning in Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '|' | '~') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Text from outside as code: fenced by more backticks than it contains.
fn code(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

fn known(out: &mut String, group: &ExplanationGroup, meaning: &Meaning) -> fmt::Result {
    writeln!(out, "## {} ({})\n", escaped(&meaning.name), escaped(&meaning.source))?;
    let times = if group.count > 1 { format!(", {} times", group.count) } else { String::new() };
    writeln!(out, "{}{times}\n\n{}\n", code(&group.explanation.text), escaped(&meaning.meaning))?;
    if !meaning.causes.is_empty() {
        writeln!(out, "| probability | cause | check | fix |\n|---:|---|---|---|")?;
        for likely in &meaning.causes {
            let (name, share) = (escaped(&likely.cause.name), escaped(&percent(likely.cause.probability)));
            let (check, fix) = (escaped(&likely.check), escaped(&likely.fix));
            writeln!(out, "| {share} | {name} | {check} | {fix} |")?;
        }
        out.push('\n');
    }
    for step in &meaning.steps {
        writeln!(out, "- {}", escaped(step))?;
    }
    for other in &group.explanation.also {
        let (name, source) = (escaped(&other.name), escaped(&other.source));
        writeln!(out, "- also: {name} ({source}): {}", escaped(&other.meaning))?;
    }
    if !(meaning.steps.is_empty() && group.explanation.also.is_empty()) {
        out.push('\n');
    }
    Ok(())
}

fn unknown(out: &mut String, group: &ExplanationGroup) -> fmt::Result {
    writeln!(out, "## No match\n\n{}\n", code(&group.explanation.text))?;
    if let Some(advice) = &group.explanation.advice {
        writeln!(out, "{}\n", escaped(advice))?;
    }
    for nearest in &group.explanation.nearest {
        writeln!(out, "- near: {} ({})", escaped(&nearest.name), escaped(&nearest.source))?;
    }
    Ok(())
}
