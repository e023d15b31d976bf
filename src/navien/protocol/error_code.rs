//! Error codes of the water heater and their texts.

use std::fmt;

/// Codes and the parts they are about. Source: the list of the reference client.
const CODES: &[(i64, &str)] = &[
    (96, "upper heater"),
    (97, "lower heater"),
    (326, "dry fire: an element heated without water"),
    (407, "hot-water sensor"),
    (445, "mixing valve"),
    (480, "upper tank sensor"),
    (481, "lower tank sensor"),
    (515, "relay"),
    (517, "DIP switch setting"),
    (593, "panel key"),
    (594, "EEPROM (memory of the settings)"),
    (595, "power meter"),
    (596, "Wi-Fi"),
    (598, "clock"),
    (615, "feedback or analog input"),
    (781, "CTA-2045 (port of the electricity supplier)"),
    (798, "shut-off valve"),
    (799, "water leak"),
    (901, "ECO high limit: the water got too hot"),
    (907, "power line of the compressor"),
    (908, "compressor"),
    (909, "evaporator fan"),
    (910, "discharge sensor"),
    (911, "discharge too hot"),
    (912, "suction sensor"),
    (913, "suction too cold"),
    (914, "evaporator sensor"),
    (915, "difference between discharge and suction"),
    (916, "evaporator temperature"),
    (920, "ambient sensor"),
    (940, "refrigerant blockage"),
    (990, "condensate overflow"),
];

/// Codes whose sub codes 1 and 2 are the limits of a sensor.
const SENSORS: &[i64] = &[407, 480, 481, 910, 912, 914, 920];

/// Sub codes of one code.
const SUB_CODES: &[(i64, i64, &str)] = &[
    (445, 1, "open"),
    (445, 2, "close"),
    (515, 25, "upper heater"),
    (515, 26, "lower heater"),
    (515, 27, "compressor"),
    (615, 4, "analog-digital converter"),
    (615, 27, "ECO"),
    (615, 28, "compressor"),
    (615, 29, "upper heater"),
    (615, 30, "lower heater"),
    (909, 1, "evaporator fan"),
];

/// An error number of the device; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i64);

impl ErrorCode {
    /// Whether there is no error.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The part it is about; `None` for 0 and for unlisted codes.
    pub fn meaning(self) -> Option<&'static str> {
        CODES.iter().find(|(code, _)| *code == self.0).map(|(_, words)| *words)
    }

    /// The text of its sub code.
    pub fn detail(self, sub_code: i64) -> Option<&'static str> {
        let listed = SUB_CODES.iter().find(|(code, sub, _)| (*code, *sub) == (self.0, sub_code));
        match (listed, sub_code) {
            (Some((_, _, words)), _) => Some(words),
            (None, 1) if SENSORS.contains(&self.0) => Some("low limit"),
            (None, 2) if SENSORS.contains(&self.0) => Some("high limit"),
            _ => None,
        }
    }

    /// One line with everything: `E799 water leak`, `E515-25 relay: upper heater`.
    pub fn words(self, sub_code: i64) -> String {
        if self.is_none() {
            return "no error".to_owned();
        }
        let sub = if sub_code == 0 { String::new() } else { format!("-{sub_code:02}") };
        let meaning = self.meaning().unwrap_or("not in the list of known errors");
        let detail = self.detail(sub_code).map(|words| format!(": {words}")).unwrap_or_default();
        format!("{self}{sub} {meaning}{detail}")
    }
}

/// The form shown by the device: `E096`.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:03}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_have_text() {
        for (code, sub, words) in [
            (0, 0, "no error"),
            (96, 0, "E096 upper heater"),
            (799, 0, "E799 water leak"),
            (515, 25, "E515-25 relay: upper heater"),
            (480, 2, "E480-02 upper tank sensor: high limit"),
            (445, 2, "E445-02 mixing valve: close"),
            (799, 2, "E799-02 water leak"),
            (4711, 3, "E4711-03 not in the list of known errors"),
        ] {
            assert_eq!(ErrorCode(code).words(sub), words);
        }
        assert_eq!(CODES.len(), 32);
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each once");
    }
}
