//! The figures as tables for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dropscope::classify::Pattern;

use crate::verdicts::floor::Floor;
use crate::verdicts::rendering::Rendering;
use crate::verdicts::score::{Answer, Score, score};

const PERCENT: f64 = 100.0;

/// Everything about one source.
pub(crate) fn table(source: &str, answers: &[Answer], floor: &Floor) -> String {
    let mut text = String::new();
    let all = score(answers.iter());
    let _ = writeln!(
        text,
        "\n{source}: {} cases, right {:.1} %, calibration error {:.3}, Brier {:.3}, log score {:.3}",
        all.cases,
        all.top1 * PERCENT,
        all.calibration_error,
        all.brier,
        all.log
    );
    let _ = writeln!(
        text,
        "sure (≥ 0.9) {} times, then wrong {:.1} %; of {} random or undetermined a mechanism claimed {:.1} %, bursts {:.1} %",
        all.sure,
        all.sure_wrong * PERCENT,
        all.shapeless,
        all.false_specific * PERCENT,
        all.false_bursty * PERCENT
    );
    if all.mixtures > 0 {
        let _ = writeln!(
            text,
            "of {} mixtures both causes named {:.1} %",
            all.mixtures,
            all.both_named * PERCENT
        );
    }
    text.push('\n');
    classes(&mut text, answers, floor);
    kinds(&mut text, answers);
    slices(&mut text, answers);
    text
}

/// The figures of each truth, and the answers to it.
fn classes(text: &mut String, answers: &[Answer], floor: &Floor) {
    let _ = writeln!(text, "{:20} {:>5} {:>7} {:>7}  taken for", "truth", "cases", "right", "floor");
    for (truth, of) in groups(answers) {
        let right = score(of.iter().copied());
        let mut wrong: BTreeMap<&str, usize> = BTreeMap::new();
        for one in of.iter().filter(|one| !one.right) {
            *wrong.entry(one.pattern).or_default() += 1;
        }
        let mut wrong: Vec<_> = wrong.into_iter().collect();
        wrong.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let wrong: Vec<_> = wrong.into_iter().map(|(pattern, count)| format!("{pattern} {count}")).collect();
        let least =
            floor.classes.get(truth).map_or("–".to_owned(), |least| format!("{:.1}", least * PERCENT));
        let line = format!(
            "{truth:20} {:>5} {:>6.1}% {least:>7}  {}",
            right.cases,
            right.top1 * PERCENT,
            wrong.join(", ")
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The figures of each kind of world, where kinds are not the truths.
fn kinds(text: &mut String, answers: &[Answer]) {
    let mut names: Vec<&str> = Vec::new();
    for one in answers {
        if !names.contains(&one.kind) {
            names.push(one.kind);
        }
    }
    if names.iter().all(|name| Pattern::ALL.into_iter().any(|pattern| pattern.name() == *name)) {
        return;
    }
    let _ = writeln!(
        text,
        "\n{:20} {:>5} {:>7} {:>7} {:>6} {:>7} {:>7} {:>7}",
        "kind", "cases", "right", "calib.", "sure", "wrong", "false", "both"
    );
    for name in names {
        let of = score(answers.iter().filter(|one| one.kind == name));
        let both =
            if of.mixtures == 0 { "–".to_owned() } else { format!("{:.1}%", of.both_named * PERCENT) };
        let _ = writeln!(
            text,
            "{name:20} {:>5} {:>6.1}% {:>7.3} {:>6} {:>6.1}% {:>6.1}% {both:>7}",
            of.cases,
            of.top1 * PERCENT,
            of.calibration_error,
            of.sure,
            of.sure_wrong * PERCENT,
            of.false_specific * PERCENT,
        );
    }
    let bare =
        score(answers.iter().filter(|one| one.rendering == Rendering::Minimal && one.confidence >= 0.9));
    let _ = writeln!(
        text,
        "mandatory fields only, sure: {} cases, right {:.1} %",
        bare.cases,
        bare.top1 * PERCENT
    );
}

/// The same figures over other cuts through the cases.
fn slices(text: &mut String, answers: &[Answer]) {
    let _ = writeln!(
        text,
        "\n{:20} {:>5} {:>7} {:>7} {:>7} {:>7} {:>6} {:>7} {:>7}",
        "slice", "cases", "right", "calib.", "Brier", "log", "sure", "wrong", "false"
    );
    let drops = |one: &Answer| match one.drops {
        0..=2 => None,
        3..=5 => Some("3–5 drops"),
        6..=10 => Some("6–10 drops"),
        11..=30 => Some("11–30 drops"),
        _ => Some("31 and more drops"),
    };
    // By size, not alphabetically.
    for name in ["3–5 drops", "6–10 drops", "11–30 drops", "31 and more drops"] {
        slice(text, name, answers.iter().filter(|one| drops(one) == Some(name)));
    }
    for (name, which) in [("all fields", Rendering::Full), ("mandatory fields", Rendering::Minimal)] {
        slice(text, name, answers.iter().filter(|one| one.rendering == which));
    }
    let shaped = |one: &&Answer| crate::verdicts::score::is_specific(one.truth);
    for (name, from, to) in
        [("pure", 0.0, 0.001), ("foreign to 10 %", 0.001, 0.1), ("to 20 %", 0.1, 0.2), ("above", 0.2, 1.0)]
    {
        let within = |one: &&Answer| one.foreign.is_some_and(|part| from <= part && part < to);
        slice(text, name, answers.iter().filter(shaped).filter(within));
    }
}

fn slice<'a>(text: &mut String, name: &str, answers: impl Iterator<Item = &'a Answer>) {
    let Score { cases, top1, calibration_error, brier, log, sure, sure_wrong, false_specific, .. } =
        score(answers);
    if cases == 0 {
        return;
    }
    let _ = writeln!(
        text,
        "{name:20} {cases:>5} {:>6.1}% {calibration_error:>7.3} {brier:>7.3} {log:>7.3} {sure:>6} {:>6.1}% {:>6.1}%",
        top1 * PERCENT,
        sure_wrong * PERCENT,
        false_specific * PERCENT
    );
}

/// Which truth (down) got which answer (across), in numbers of cases.
pub(crate) fn confusion(answers: &[Answer]) -> String {
    let names: Vec<_> = Pattern::ALL.into_iter().map(Pattern::name).collect();
    let short = |name: &str| name.chars().take(7).collect::<String>();
    let mut text = format!("\n{:20}", "truth \\ answer");
    for name in &names {
        let _ = write!(text, "{:>8}", short(name));
    }
    text.push('\n');
    for (truth, of) in groups(answers) {
        let _ = write!(text, "{truth:20}");
        for name in &names {
            let count = of.iter().filter(|one| one.pattern == *name).count();
            let cell = if count == 0 { "·".to_owned() } else { count.to_string() };
            let _ = write!(text, "{cell:>8}");
        }
        text.push('\n');
    }
    text
}

fn groups(answers: &[Answer]) -> Vec<(&'static str, Vec<&Answer>)> {
    Pattern::ALL
        .into_iter()
        .map(Pattern::name)
        .map(|name| (name, answers.iter().filter(|one| one.truth == name).collect::<Vec<_>>()))
        .filter(|(_, of)| !of.is_empty())
        .collect()
}
