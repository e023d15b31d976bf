//! Days of the week and months as bits of the wire.

use std::fmt;

/// Bit and name of each day, Monday first, in the numbering of the vendor's app; bit 0 is unused.
const DAYS: [(u8, &str); 7] =
    [(64, "Mon"), (32, "Tue"), (16, "Wed"), (8, "Thu"), (4, "Fri"), (2, "Sat"), (128, "Sun")];
/// January is the lowest bit.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Days of the week as the wire's bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Week(pub u8);

impl Week {
    /// Monday to Friday.
    pub const WEEKDAYS: Self = Self(124);
    /// Saturday and Sunday.
    pub const WEEKEND: Self = Self(130);
    /// Every day.
    pub const ALL: Self = Self(254);

    /// Whether at least one day and nothing else is set.
    pub fn is_valid(self) -> bool {
        self.0 != 0 && self.0 & 1 == 0
    }
}

/// `Mon–Fri`, `Tue, Thu`, `every day`, `no day`.
impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chosen = DAYS.map(|(bit, name)| (self.0 & bit != 0, name));
        f.write_str(&format_runs(&chosen, "every day", "no day"))
    }
}

/// Months as the wire's bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Season(pub u16);

impl Season {
    /// The whole year.
    pub const ALL: Self = Self(4095);

    /// Whether at least one month and nothing else is set.
    pub fn is_valid(self) -> bool {
        self.0 != 0 && self.0 <= Self::ALL.0
    }
}

/// `Jun–Aug`, `all year`, `no month`.
impl fmt::Display for Season {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bits = self.0;
        let chosen = MONTHS.map(|name| {
            let is_chosen = bits & 1 == 1;
            bits >>= 1;
            (is_chosen, name)
        });
        f.write_str(&format_runs(&chosen, "all year", "no month"))
    }
}

/// Joins consecutive names: `Mon–Wed, Fri`.
fn format_runs(chosen: &[(bool, &str)], all: &str, none: &str) -> String {
    if chosen.iter().all(|(is_chosen, _)| *is_chosen) {
        return all.to_owned();
    }
    let words: Vec<String> = chosen
        .chunk_by(|one, next| one.0 == next.0)
        .filter(|run| run.first().is_some_and(|(is_chosen, _)| *is_chosen))
        .filter_map(|run| match run {
            [(_, only)] => Some((*only).to_owned()),
            [(_, first), (_, second)] => Some(format!("{first}, {second}")),
            [(_, first), .., (_, last)] => Some(format!("{first}–{last}")),
            [] => None,
        })
        .collect();
    if words.is_empty() { none.to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_days_and_months() {
        for (week, words) in [
            (Week::WEEKDAYS, "Mon–Fri"),
            (Week::WEEKEND, "Sat, Sun"),
            (Week::ALL, "every day"),
            (Week(62), "Tue–Sat"),
            (Week(84), "Mon, Wed, Fri"),
            (Week(1), "no day"),
            (Week(255), "every day"),
        ] {
            assert_eq!(week.to_string(), words);
        }
        for (season, words) in [
            (224, "Jun–Aug"),
            (3087, "Jan–Apr, Nov, Dec"),
            (4095, "all year"),
            (0, "no month"),
            (0x8000, "no month"),
        ] {
            assert_eq!(Season(season).to_string(), words);
        }
        assert!(Week::ALL.is_valid() && !Week(255).is_valid() && !Week(0).is_valid());
        assert!(Season::ALL.is_valid() && !Season(4096).is_valid());
    }
}
