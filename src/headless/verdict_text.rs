//! How does a verdict look in the summary at the end of a run?

use std::fmt::Write as _;

use crate::classify::Verdict;
use crate::diagnostics::clean::clean;

/// Columns of a label, as in the summary above it, and of a line.
const LABEL_WIDTH: usize = 22;
const LINE_WIDTH: usize = 100;
/// Sentences told of each kind at most; the report has them all.
const MAX_SENTENCES: usize = 3;

/// The verdict in lines without control characters, each ended by a line feed; the next step last.
pub(super) fn verdict_paragraph(verdict: &Verdict) -> String {
    let mut text = String::new();
    write_labeled(&mut text, "Why", &verdict.sentence());
    if let Some(cause) = verdict.cause() {
        let share = crate::classify::percent(cause.probability);
        write_labeled(&mut text, "Likely cause", &format!("{}, {share}", cause.name));
    }
    if let Some(runner_up) = verdict.second_cause() {
        write_labeled(&mut text, "", &runner_up.sentence);
    }
    let classification = &verdict.classification;
    for sentence in classification.evidence.iter().take(MAX_SENTENCES) {
        write_labeled(&mut text, "", &format!("+ {sentence}"));
    }
    for sentence in verdict.diagnosis.against.iter().take(MAX_SENTENCES) {
        write_labeled(&mut text, "", &format!("- {sentence}"));
    }
    if let Some(missing) = classification.missing.as_ref().filter(|_| verdict.is_named()) {
        write_labeled(&mut text, "", &format!("? {missing}"));
    }
    write_labeled(&mut text, "Next step", &verdict.diagnosis.next.text);
    text
}

/// `label   text`, the text wrapped under itself.
fn write_labeled(out: &mut String, label: &str, text: &str) {
    let mut line = String::new();
    let mut label = label;
    for word in clean(text).split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() >= LINE_WIDTH - LABEL_WIDTH {
            // Writing into a string cannot fail.
            let _ = writeln!(out, "{label:<LABEL_WIDTH$}{line}");
            label = "";
            // What goes on is told from what begins by its indent.
            "  ".clone_into(&mut line);
        }
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{label:<LABEL_WIDTH$}{line}");
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
        assert!(text.starts_with("Why                   idle timeout, 91 % (sure): something on"), "{text}");
        assert!(text.ends_with("\nNext step             leave it running\n"), "{text}");
        assert!(text.contains("                      + all 9 drops \u{fffd}[2J\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= LINE_WIDTH), "{text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    }
}
