//! The table at the end, its totals, and the floors they must reach.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::advice::Followed;
use crate::judge::{Judgment, Outcome, SURE};
use crate::trial::{Parameter, Truth};

/// The result of one trial; an error is a world that could not be built.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) truth: Truth,
    pub(crate) result: Result<Judgment, String>,
    /// The advice in words and what following it did.
    pub(crate) advice: Option<(String, Followed)>,
    /// Confidence of the verdict on both runs together, where the advice was followed.
    pub(crate) after: Option<(String, f64)>,
}

/// What the totals must reach. The worlds and their number are the same in each run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Floors {
    /// Verdicts with drops that are right, at least, %.
    right_percent: f64,
    /// Claims with 90 % or more that are wrong, at most.
    most_wrong_and_sure: usize,
    /// Explanations of connects that fail, right at least, %.
    never_connects_right_percent: f64,
    /// Advice that was followed and cures or separates, at least, %.
    advice_percent: f64,
    /// Worlds that did not happen, at most.
    most_failed_worlds: usize,
}

/// The figures of all trials.
pub(crate) struct Totals {
    right: (usize, usize),
    wrong_and_sure: usize,
    sure: usize,
    calm: (usize, usize),
    never_connects: (usize, usize),
    advice: (usize, usize),
    failed_worlds: usize,
}

/// The table as text.
pub(crate) fn print(rows: &[Row]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<26} {:>5}  {:<36} {:<22} {:>5}  {:<24} {:<28} result, advice",
        "trial", "drops", "truth", "verdict", "sure", "parameter (found / true)", "cause"
    );
    for row in rows {
        let _ = writeln!(text, "{}", line(row));
    }
    text
}

fn line(row: &Row) -> String {
    let truth = truth_words(&row.truth);
    let judgment = match &row.result {
        Ok(judgment) => judgment,
        Err(error) => return format!("{:<26} {:>5}  {truth:<36} NO WORLD: {error}", row.name, "-"),
    };
    let verdict = &judgment.verdict;
    let mut line = format!(
        "{:<26} {:>5}  {truth:<36} {verdict:<22} {:>4.0}%  {:<24} {:<28} {}",
        row.name,
        judgment.drops,
        100.0 * judgment.confidence,
        parameter_words(row, judgment),
        cause_words(judgment),
        outcome_words(judgment),
    );
    if let Some((advice, followed)) = &row.advice {
        let _ = write!(line, "; {advice} {}", followed_words(followed));
    }
    if let Some((pattern, confidence)) = &row.after {
        let _ = write!(line, "; then {pattern} {:.0}%", 100.0 * confidence);
    }
    line
}

fn truth_words(truth: &Truth) -> String {
    match truth {
        Truth::Drops { patterns, .. } => patterns.join("|"),
        Truth::Nothing { most_drops: 0 } => "no drops".to_owned(),
        Truth::Nothing { most_drops } => format!("{most_drops} drops, nothing sure"),
        Truth::NeverConnects { words, .. } => format!("never connects: {}", words.first().unwrap_or(&"")),
    }
}

fn parameter_words(row: &Row, judgment: &Judgment) -> String {
    let Truth::Drops { parameter: Some(Parameter { low, high, .. }), .. } = &row.truth else {
        return "-".to_owned();
    };
    match judgment.parameter {
        Some((value, true)) => format!("{value:.1} / {low:.1}-{high:.1}"),
        Some((value, false)) => format!("{value:.1} / {low:.1}-{high:.1} OUT"),
        None => format!("- / {low:.1}-{high:.1}"),
    }
}

fn cause_words(judgment: &Judgment) -> String {
    match &judgment.cause {
        Some((id, true)) => id.clone(),
        Some((id, false)) => format!("{id} (no)"),
        None => "-".to_owned(),
    }
}

fn outcome_words(judgment: &Judgment) -> String {
    let word = match judgment.outcome {
        Outcome::Right => "right",
        Outcome::Undetermined => "undetermined",
        Outcome::Wrong => "wrong",
        Outcome::NoWorld => "NO WORLD",
    };
    let sure = if judgment.is_wrong_and_sure { ", WRONG AND SURE" } else { "" };
    let remark = if judgment.remark.is_empty() { String::new() } else { format!(" ({})", judgment.remark) };
    format!("{word}{sure}{remark}")
}

fn followed_words(followed: &Followed) -> String {
    match followed {
        Followed::Cures { expected } => format!("cures (0 drops, {expected:.1} expected)"),
        Followed::Separates => "separates".to_owned(),
        Followed::Fails { drops, expected } => format!("FAILS ({drops} drops, {expected:.1} expected)"),
        Followed::Unknown(why) => format!("not judged: {why}"),
    }
}

impl Totals {
    /// Counts the rows.
    pub(crate) fn of(rows: &[Row]) -> Self {
        let mut totals = Self {
            right: (0, 0),
            wrong_and_sure: 0,
            sure: 0,
            calm: (0, 0),
            never_connects: (0, 0),
            advice: (0, 0),
            failed_worlds: 0,
        };
        for row in rows {
            totals.count(row);
        }
        totals
    }

    fn count(&mut self, row: &Row) {
        match &row.result {
            Ok(judgment) if judgment.outcome != Outcome::NoWorld => {
                let of = match row.truth {
                    Truth::Drops { .. } => &mut self.right,
                    Truth::Nothing { .. } => &mut self.calm,
                    Truth::NeverConnects { .. } => &mut self.never_connects,
                };
                of.0 += usize::from(judgment.outcome == Outcome::Right);
                of.1 += 1;
                self.wrong_and_sure += usize::from(judgment.is_wrong_and_sure);
                let is_claim = matches!(row.truth, Truth::Drops { .. }) && judgment.verdict != "undetermined";
                self.sure += usize::from(is_claim && judgment.confidence >= SURE);
            }
            _ => self.failed_worlds += 1,
        }
        match &row.advice {
            Some((_, Followed::Cures { .. } | Followed::Separates)) => {
                self.advice.0 += 1;
                self.advice.1 += 1;
            }
            Some((_, Followed::Fails { .. })) => self.advice.1 += 1,
            _ => {}
        }
    }

    /// The totals as text.
    pub(crate) fn print(&self) -> String {
        let share = |(count, of): (usize, usize)| format!("{count} of {of}");
        format!(
            "with drops: {} right, {} sure, {} wrong at 90 % or more; nothing to find: {} right; \
             never connects: {} right; advice followed: {} cures or separates; worlds that failed: {}\n",
            share(self.right),
            self.sure,
            self.wrong_and_sure,
            share(self.calm),
            share(self.never_connects),
            share(self.advice),
            self.failed_worlds
        )
    }

    /// The floors that are not reached.
    pub(crate) fn below(&self, floors: &Floors) -> Vec<String> {
        let mut below = Vec::new();
        let mut percent = |name: &str, figure: (usize, usize), floor: f64| {
            let found = percent(figure);
            if found < floor {
                below.push(format!("{name}: {found:.0} %, at least {floor:.0} %"));
            }
        };
        percent("right", self.right, floors.right_percent);
        percent("never connects", self.never_connects, floors.never_connects_right_percent);
        percent("advice", self.advice, floors.advice_percent);
        if self.wrong_and_sure > floors.most_wrong_and_sure {
            below.push(format!(
                "wrong and sure: {}, at most {}",
                self.wrong_and_sure, floors.most_wrong_and_sure
            ));
        }
        if self.failed_worlds > floors.most_failed_worlds {
            below.push(format!(
                "failed worlds: {}, at most {}",
                self.failed_worlds, floors.most_failed_worlds
            ));
        }
        below
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few dozen trials")]
fn percent((count, of): (usize, usize)) -> f64 {
    if of == 0 { 100.0 } else { 100.0 * count as f64 / of as f64 }
}
