//! Evidence from MQTT 5 reason codes.

use crate::classify::case::Case;
use crate::classify::math::{ln_beta_binomial, real};
use crate::classify::session::EndKind;

/// Log Bayes factor of "these codes name the cause" and the drops that carry one of them; `None` without any.
pub(super) fn reason_code_factor(case: &Case, codes: &[u8]) -> Option<(f64, Vec<usize>)> {
    let hits: Vec<usize> = case
        .drops()
        .filter(|(_, drop)| drop.kind != EndKind::Silent)
        .filter(|(_, drop)| {
            let code = case.frame.session_ending(drop).and_then(|ending| ending.reason_code);
            code.is_some_and(|code| codes.contains(&code))
        })
        .map(|(index, _)| index)
        .collect();
    let (count, all) = (real(hits.len()), case.count_f64());
    let factor = ln_beta_binomial(count, all, 5.0, 1.2) - ln_beta_binomial(count, all, 1.0, 30.0);
    (!hits.is_empty()).then_some((factor, hits))
}
