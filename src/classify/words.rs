//! Which parts of a topic or message change from time to time, and are blanked to compare them?

/// The text with every run of hexadecimal digits that holds a digit and is at least `least` characters
/// long replaced by `#`; so are MAC addresses. Counters, times and ids vanish, words stay.
pub(super) fn normalised(text: &str, least: usize) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = after_mac(rest) {
            result.push('#');
            rest = after;
            continue;
        }
        let run = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(run);
        if is_variable(word, least) {
            result.push('#');
        } else {
            result.push_str(word);
        }
        let next = after.find(is_part).unwrap_or(after.len());
        result.push_str(&after[..next]);
        rest = &after[next..];
    }
    result
}

/// What follows the MAC address that the text begins with.
fn after_mac(text: &str) -> Option<&str> {
    const LENGTH: usize = 17;
    let address = text.as_bytes().get(..LENGTH)?;
    let is_mac = address.iter().enumerate().all(|(index, byte)| match index % 3 {
        2 => matches!(byte, b':' | b'-'),
        _ => byte.is_ascii_hexdigit(),
    });
    if is_mac { text.get(LENGTH..) } else { None }
}

fn is_part(c: char) -> bool {
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
    fn what_changes_is_blanked_and_what_names_stays() {
        assert_eq!(
            normalised("wlan0: roamed to aa:bb:0c:dd:1e:f0", 1),
            normalised("wlan0: roamed to 0a:1b:2c:3d:4e:5f", 1)
        );
        assert_eq!(normalised("lease renewed, 3600 s", 1), "lease renewed, # s");
        assert_eq!(normalised("slept for 120.5 s", 1), "slept for #.# s");
        assert_eq!(normalised("cmd/52/1234567890/st/get", 4), "cmd/52/#/st/get");
        assert_eq!(normalised("home/added/face", 4), "home/added/face");
        assert_eq!(normalised("", 4), "");
    }

    proptest! {
        #[test]
        fn it_takes_any_text_and_blanks_it_once(text: String, least in 1_usize..6) {
            let once = normalised(&text, least);
            prop_assert_eq!(normalised(&once, least), once);
        }
    }
}
