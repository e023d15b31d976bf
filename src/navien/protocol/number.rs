//! Lenient parsing of numbers: devices send some of them as text or with a fraction.

use serde_json::Value;

/// Maximum length of a text that is parsed as a number.
const MAX_TEXT_LENGTH: usize = 32;
/// Largest magnitude at which a float still distinguishes whole numbers: 2^53.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Any finite number, also as text.
pub(super) fn real(json: &Value) -> Option<f64> {
    let number = match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.len() <= MAX_TEXT_LENGTH => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// A whole number, also as text or with a zero fraction (`2.0`).
pub(super) fn whole(json: &Value) -> Option<i64> {
    let exact = match json {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.len() <= MAX_TEXT_LENGTH => text.trim().parse().ok(),
        _ => None,
    };
    exact.or_else(|| from_float(real(json).filter(|number| number.fract() == 0.0)?))
}

/// A whole number; a fraction is rounded, ties to even.
pub(super) fn rounded(json: &Value) -> Option<i64> {
    whole(json).or_else(|| from_float(real(json)?.round_ties_even()))
}

fn from_float(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
    (number.abs() <= MAX_EXACT_INTEGER).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_from_text_and_fractions() {
        for (input, expected) in [
            (json!(2), Some(2)),
            (json!("2"), Some(2)),
            (json!(" 2 "), Some(2)),
            (json!(2.0), Some(2)),
            (json!("2.0"), Some(2)),
            (json!(-52), Some(-52)),
            (json!(2.5), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!("inf"), None),
            (json!("NaN"), None),
            (json!("two"), None),
            (json!(""), None),
            (json!("0".repeat(33)), None),
            (json!(true), None),
            (json!(null), None),
            (json!([2]), None),
        ] {
            assert_eq!(whole(&input), expected, "{input}");
        }
        assert_eq!(rounded(&json!("86.6")), Some(87));
        assert_eq!(rounded(&json!(2.5)), Some(2));
        assert_eq!(real(&json!("1e308")), Some(1e308));
        assert_eq!(real(&json!("1e999")), None);
    }
}
