//! The verdict in the summary at the end of a run.

use std::fmt::Write as _;

use crate::classify::{ItemRole, TextWrap, Verdict, VerdictPage};
use crate::diagnostics::clean::clean;

/// Columns of a label, as in the summary above it, and of a line.
const LABEL_WIDTH: usize = 22;
const LINE_WIDTH: usize = 100;
/// Sentences of evidence for and against at most; the report has them all.
const MAX_SENTENCES: usize = 3;

/// The verdict in lines without control characters, each ended by a line feed; the next step last.
pub(super) fn verdict_paragraph(verdict: &Verdict) -> String {
    let page = VerdictPage::new(verdict);
    let mut text = String::new();
    if let Some(now) = page.text(ItemRole::Now) {
        write_labeled(&mut text, "Now", now);
    }
    write_labeled(&mut text, "Why", &verdict.sentence());
    if let Some(cause) = page.text(ItemRole::Cause) {
        write_labeled(&mut text, "Likely cause", cause);
    }
    let meanings: Vec<_> = page.all(ItemRole::Meaning).collect();
    // A single meaning is part of the first sentence.
    for meaning in meanings.iter().filter(|_| meanings.len() > 1) {
        write_labeled(&mut text, "", &meaning.text);
    }
    for (role, sign) in [(ItemRole::EvidenceFor, '+'), (ItemRole::EvidenceAgainst, '-')] {
        for item in page.all(role).take(MAX_SENTENCES) {
            write_labeled(&mut text, "", &format!("{sign} {}", item.text));
        }
    }
    // Where no pattern is named, what is missing is part of the first sentence.
    for missing in page.all(ItemRole::Missing).filter(|_| page.is_named) {
        write_labeled(&mut text, "", &format!("? {}", missing.text));
    }
    for (role, sign) in [(ItemRole::Calm, '='), (ItemRole::Cured, '✓')] {
        for item in page.all(role) {
            write_labeled(&mut text, "", &format!("{sign} {}", item.text));
        }
    }
    if let Some(test) = &verdict.diagnosis.separation {
        for how in page.all(ItemRole::SeparatingTest) {
            write_labeled(&mut text, "Separating test", &how.text);
        }
        write_labeled(
            &mut text,
            "To run the test",
            &format!("{}{}", signal_hint(), test.manual_instruction()),
        );
    }
    for step in page.all(ItemRole::NextStep) {
        write_labeled(&mut text, "Next step", &step.text);
    }
    text
}

/// How to start a test in a running program without a screen.
fn signal_hint() -> &'static str {
    if cfg!(unix) { "send SIGUSR2 to this program (again: end it), or " } else { "" }
}

/// `label   text`, the text wrapped under itself; further lines are indented by two columns.
fn write_labeled(out: &mut String, label: &str, text: &str) {
    let lines = TextWrap::new(LINE_WIDTH - LABEL_WIDTH).hanging_indent("  ").lines(&clean(text));
    for (index, line) in lines.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{label:<LABEL_WIDTH$}{line}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::classify::Pattern;
    use crate::diagnostics::Stamp;

    fn verdict() -> Verdict {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut verdict = Verdict::undetermined(at);
        verdict.classification.pattern = Pattern::IdleTimeout;
        verdict.classification.confidence = 0.91;
        verdict.classification.evidence = vec!["all 9 drops \u{1b}[2J".into(), "long words ".repeat(20)];
        verdict
    }

    #[test]
    fn it_ends_with_the_next_step_and_is_wrapped_and_clean() {
        let text = verdict_paragraph(&verdict());
        assert!(text.starts_with("Why                   idle timeout, 91 % (sure): a NAT,"), "{text}");
        assert!(text.ends_with("\nNext step             leave it running\n"), "{text}");
        assert!(text.contains("                      + all 9 drops \u{fffd}[2J\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= LINE_WIDTH), "{text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    }
}
