//! The section on the verdict: why it drops, with which probability, and what to do.

use std::fmt::{self, Write};

use super::super::schema::Extension;
use super::EscapedMarkdown;
use crate::classify::{ItemRole, VerdictPage};

/// Labels of the list, in its order.
const LABELED: [(ItemRole, &str); 4] = [
    (ItemRole::Now, "Now"),
    (ItemRole::EvidenceFor, "For"),
    (ItemRole::EvidenceAgainst, "Against"),
    (ItemRole::Missing, "Missing"),
];
const LABELED_AFTER_RIVALS: [(ItemRole, &str); 5] = [
    (ItemRole::Calm, "Since the change"),
    (ItemRole::Cured, "The change helped"),
    (ItemRole::AlsoSeen, "Also seen"),
    (ItemRole::SeparatingTest, "Separating test"),
    (ItemRole::NextDrop, "Next drop expected"),
];

/// Writes the section; nothing if the export holds no verdict.
pub(super) fn write(out: &mut String, extension: &Extension) -> fmt::Result {
    let Some(classification) = &extension.classification else { return Ok(()) };
    let page = VerdictPage::from_parts(classification, extension.diagnosis.as_ref());
    writeln!(out, "## Verdict\n")?;
    write_answer(out, &page)?;
    write_list(out, &page, &LABELED)?;
    for (role, label) in [(ItemRole::Lead, "Most probable"), (ItemRole::Rival, "Alternatives")] {
        if let Some(text) = page.joined(role) {
            writeln!(out, "- {label}: {}", EscapedMarkdown(&text))?;
        }
    }
    write_list(out, &page, &LABELED_AFTER_RIVALS)?;
    write_causes(out, &page)?;
    match page.text(ItemRole::NextStep) {
        Some(step) => writeln!(out, "\nNext step: {}.\n", EscapedMarkdown(step.trim_end_matches('.'))),
        None => writeln!(out),
    }
}

fn write_answer(out: &mut String, page: &VerdictPage) -> fmt::Result {
    let title = capitalized(page.text(ItemRole::Answer).unwrap_or_default());
    let drops = page.text(ItemRole::Basis).unwrap_or_default();
    let meanings: Vec<&str> = page.all(ItemRole::Meaning).map(|item| item.text.as_str()).collect();
    let meaning = meanings.join("; ");
    match page.text(ItemRole::Confidence) {
        Some(confidence) => {
            writeln!(out, "**{title}** ({}): {meaning}, based on {drops}.\n", EscapedMarkdown(confidence))
        }
        None => writeln!(out, "**{title}**: {meaning} ({drops}).\n"),
    }
}

fn write_list(out: &mut String, page: &VerdictPage, labeled: &[(ItemRole, &str)]) -> fmt::Result {
    for (role, label) in labeled {
        for item in page.all(*role) {
            writeln!(out, "- {label}: {}", EscapedMarkdown(&item.text))?;
        }
    }
    Ok(())
}

fn write_causes(out: &mut String, page: &VerdictPage) -> fmt::Result {
    for (index, cause) in page.all(ItemRole::Cause).enumerate() {
        if index == 0 {
            writeln!(out, "\nLikely causes:\n")?;
        }
        writeln!(out, "{}. {}", index + 1, EscapedMarkdown(&cause.text))?;
    }
    Ok(())
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
