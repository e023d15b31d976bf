//! Masks the variable parts of a topic or message, so that texts can be compared.

/// What stands for a variable part.
pub(super) const MASK: char = '#';

/// The text with every run of hexadecimal digits that holds a digit and is at least `least` characters
/// long replaced by `#`, and MAC addresses as well. Counters, times and ids are masked, words stay.
pub(super) fn normalize(text: &str, least: usize) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after_mac_address) = strip_mac(rest) {
            result.push(MASK);
            rest = after_mac_address;
            continue;
        }
        let run = rest.find(|c: char| !is_word_char(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(run);
        if is_variable(word, least) {
            result.push(MASK);
        } else {
            result.push_str(word);
        }
        let next = after.find(is_word_char).unwrap_or(after.len());
        result.push_str(&after[..next]);
        rest = &after[next..];
    }
    result
}

/// The rest of the text after the MAC address at its beginning.
fn strip_mac(text: &str) -> Option<&str> {
    const LENGTH: usize = 17;
    let address = text.as_bytes().get(..LENGTH)?;
    let is_mac = address.iter().enumerate().all(|(index, byte)| match index % 3 {
        2 => matches!(byte, b':' | b'-'),
        _ => byte.is_ascii_hexdigit(),
    });
    if is_mac { text.get(LENGTH..) } else { None }
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// A number, or an id of hexadecimal digits.
fn is_variable(word: &str, least: usize) -> bool {
    word.len() >= least
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && (word.bytes().all(|byte| byte.is_ascii_hexdigit())
            || word.bytes().all(|byte| byte.is_ascii_digit())
            || word.bytes().filter(u8::is_ascii_digit).count() * 2 > word.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn variable_parts_are_masked_and_names_stay() {
        assert_eq!(
            normalize("wlan0: roamed to aa:bb:0c:dd:1e:f0", 1),
            normalize("wlan0: roamed to 0a:1b:2c:3d:4e:5f", 1)
        );
        assert_eq!(normalize("lease renewed, 3600 s", 1), "lease renewed, # s");
        assert_eq!(normalize("slept for 120.5 s", 1), "slept for #.# s");
        assert_eq!(normalize("cmd/52/1234567890/st/get", 4), "cmd/52/#/st/get");
        assert_eq!(normalize("home/added/face", 4), "home/added/face");
        assert_eq!(normalize("", 4), "");
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text: String, least in 1_usize..6) {
            let once = normalize(&text, least);
            prop_assert_eq!(normalize(&once, least), once);
        }
    }
}
