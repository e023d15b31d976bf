//! Finds private values that begin at a given place of a text.
//!
//! Hand-written matchers, because their rules (what may precede, what is the same value in another
//! spelling) do not fit a pattern language well. Each looks at one place only and never backwards further
//! than one character, so a text of n bytes costs O(n · longest value).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::SensitiveKind;

/// A private value in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SensitiveMatch {
    pub(super) kind: SensitiveKind,
    /// Where the value starts; text between the place and it is kept.
    pub(super) start: usize,
    pub(super) end: usize,
    /// One spelling for all spellings of the value.
    pub(super) value: String,
}

/// The private value that begins at byte `at` (a character boundary). `before` is the character written last: the one
/// in the text, or the end of what took a private value's place, so that a second look sees what the first saw.
pub(super) fn match_at(text: &str, at: usize, before: Option<char>) -> Option<SensitiveMatch> {
    const MATCHERS: [fn(&ScanPosition<'_>) -> Option<SensitiveMatch>; 12] = [
        user_info,
        query,
        assignment,
        uuid,
        ip_v6,
        mac,
        jwt_or_access_key,
        home_directory,
        email,
        ip_v4,
        host,
        hex_or_token,
    ];
    let place = ScanPosition { at, rest: &text[at..], before };
    MATCHERS.iter().find_map(|matcher| matcher(&place))
}

/// Whether the part `start..end` is no part of a longer word.
pub(super) fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric();
    !text[..start].chars().next_back().is_some_and(is_word)
        && !text[end..].chars().next().is_some_and(is_word)
}

/// A place in a text.
struct ScanPosition<'a> {
    at: usize,
    rest: &'a str,
    before: Option<char>,
}

impl ScanPosition<'_> {
    /// A finding of `length` bytes after `skip` bytes that are kept.
    fn sensitive_match(
        &self,
        kind: SensitiveKind,
        skip: usize,
        length: usize,
        value: impl Into<String>,
    ) -> SensitiveMatch {
        let start = self.at + skip;
        SensitiveMatch { kind, start, end: start + length, value: value.into() }
    }

    /// Whether a word can begin here.
    fn is_word_start(&self) -> bool {
        !self.before.is_some_and(char::is_alphanumeric)
    }
}

/// How many bytes at the beginning of `text` are of a class.
fn prefix_length(text: &str, class: impl Fn(char) -> bool) -> usize {
    text.find(|c| !class(c)).unwrap_or(text.len())
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ')' | ']' | '}' | '|')
}

/// `://user:password@` of a URL.
fn user_info(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let rest = place.rest.strip_prefix("://")?;
    let authority = &rest[..prefix_length(rest, |c| !ends_value(c) && !matches!(c, '/' | '?' | '#'))];
    let end = authority.rfind('@')?;
    Some(place.sensitive_match(SensitiveKind::Secret, 3, end, ""))
}

/// The query of a URL or path: everything after a `?` that has an assignment in it.
fn query(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let rest = place.rest.strip_prefix('?')?;
    let length = prefix_length(rest, |c| !ends_value(c));
    rest[..length].contains('=').then_some(())?;
    Some(place.sensitive_match(SensitiveKind::Secret, 1, length, ""))
}

/// Words whose value is a secret, without separators.
const SECRET_WORDS: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "signature",
    "credential",
    "credentials",
    "authorization",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "accesskeyid",
    "bearer",
    "cookie",
];
/// Words whose value is a name of a person or an account.
const NAME_WORDS: [&str; 5] = ["username", "user", "login", "account", "accountid"];

/// `password=…`, `"sessionToken": "…"`, `X-Amz-Signature=…`, `Authorization: Bearer …`, `user=…`.
fn assignment(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let key_length = prefix_length(place.rest, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    // `AWS_ERROR_MQTT_INVALID_CREDENTIALS: …` assigns nothing.
    let is_error_name = place.rest.starts_with("AWS_ERROR_") || place.rest.starts_with("AWS_IO_");
    let begins = !place.before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if key_length == 0 || is_error_name || !begins {
        return None;
    }
    let key: String = place.rest[..key_length]
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let kind = if SECRET_WORDS.iter().any(|word| key.ends_with(word)) {
        SensitiveKind::Secret
    } else if NAME_WORDS.contains(&key.as_str()) {
        SensitiveKind::User
    } else {
        return None;
    };
    let (skip, quote) = value_start(place.rest, key_length, key == "bearer")?;
    let rest = &place.rest[skip..];
    let mut length = match quote {
        Some(quote) => prefix_length(rest, |c| c != quote),
        None => prefix_length(rest, |c| !ends_value(c) && !matches!(c, '&' | ',' | ';')),
    };
    if quote.is_none()
        && ["bearer", "basic", "digest"].contains(&rest[..length].to_ascii_lowercase().as_str())
    {
        let gap = prefix_length(&rest[length..], |c| c == ' ');
        length += gap + prefix_length(&rest[length + gap..], |c| !ends_value(c));
    }
    (length > 0).then_some(())?;
    Some(place.sensitive_match(kind, skip, length, &rest[..length]))
}

/// Where the value of a key starts and by what it is quoted; `None` if nothing is assigned.
fn value_start(rest: &str, key_length: usize, bare: bool) -> Option<(usize, Option<char>)> {
    let mut skip = key_length;
    skip += prefix_length(&rest[skip..], |c| matches!(c, '"' | '\'' | '\\')).min(2);
    let spaces = prefix_length(&rest[skip..], |c| c == ' ');
    if rest[skip + spaces..].starts_with(['=', ':']) {
        skip += spaces + 1;
    } else if rest[skip..].to_ascii_lowercase().starts_with("%3d") {
        skip += 3;
    } else if !bare || spaces == 0 {
        return None;
    }
    skip += prefix_length(&rest[skip..], |c| c == ' ');
    let quote = rest[skip..].chars().next().filter(|c| matches!(c, '"' | '\''));
    Some((skip + usize::from(quote.is_some()), quote))
}

/// 8-4-4-4-12 hex digits.
fn uuid(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let candidate = place.rest.get(..36)?;
    let is_uuid = candidate.bytes().enumerate().all(|(index, byte)| {
        if matches!(index, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    });
    is_uuid.then_some(())?;
    Some(place.sensitive_match(SensitiveKind::Id, 0, 36, candidate.to_ascii_lowercase()))
}

/// 6 or 8 bytes in hex, in groups of one, two or three bytes with one separator throughout.
fn mac(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    const SEPARATORS: [&str; 7] = [":", "-", "_", ".", " ", "%3A", "%3a"];
    let is_hex = |c: char| c.is_ascii_hexdigit();
    let group = prefix_length(place.rest, is_hex);
    if !matches!(group, 2 | 4 | 6) {
        return None;
    }
    let separator = SEPARATORS.iter().find(|separator| place.rest[group..].starts_with(**separator))?;
    let (mut digits, mut end) = (group, group);
    while let Some(next) = place.rest[end..].strip_prefix(separator) {
        if prefix_length(next, is_hex) != group || digits == 16 {
            break;
        }
        digits += group;
        end += separator.len() + group;
    }
    (12..=16).contains(&digits).then_some(())?;
    let value: String = place.rest[..end]
        .replace("%3A", "")
        .replace("%3a", "")
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Some(place.sensitive_match(SensitiveKind::Mac, 0, end, value))
}

/// JSON web tokens and AWS access key ids.
fn jwt_or_access_key(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=');
    if place.rest.starts_with("eyJ") {
        let length = prefix_length(place.rest, is_token);
        return (length >= 16).then(|| place.sensitive_match(SensitiveKind::Secret, 0, length, ""));
    }
    if place.rest.starts_with("AKIA") || place.rest.starts_with("ASIA") {
        let length = prefix_length(place.rest, |c| c.is_ascii_uppercase() || c.is_ascii_digit());
        return (length >= 16).then(|| place.sensitive_match(SensitiveKind::Secret, 0, length, ""));
    }
    None
}

/// The user's name in the path of a home directory.
fn home_directory(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    const PARENTS: [&str; 5] = ["/home/", "/Users/", "\\Users\\", "\\\\Users\\\\", "/var/home/"];
    if !place.is_word_start() {
        return None;
    }
    let parent = PARENTS.iter().find(|parent| place.rest.starts_with(**parent))?;
    let rest = &place.rest[parent.len()..];
    let length = prefix_length(rest, |c| !ends_value(c) && !matches!(c, '/' | '\\' | ':' | ',' | ';'));
    (length > 0).then_some(())?;
    Some(place.sensitive_match(SensitiveKind::User, parent.len(), length, &rest[..length]))
}

fn email(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let is_local = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'' | '!' | '#' | '$' | '&' | '*' | '~')
    };
    // An apostrophe inside a name belongs to it (o'brien); at its edge it is a quotation mark.
    let is_quote = |c: char| c == '\'';
    if place.before.is_some_and(|c| is_local(c) && !is_quote(c)) || place.rest.starts_with(is_quote) {
        return None;
    }
    let end = prefix_length(place.rest, is_local);
    let (local, sign) =
        if place.rest[end..].starts_with('@') { (end, 1) } else { (place.rest[..end].find("%40")?, 3) };
    let domain = &place.rest[local + sign..];
    let length = prefix_length(domain, |c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let length = domain[..length].trim_end_matches(['.', '-']).len();
    (local > 0 && length > 0).then_some(())?;
    let end = local + sign + length;
    Some(place.sensitive_match(
        SensitiveKind::Email,
        0,
        end,
        place.rest[..end].to_lowercase().replace("%40", "@"),
    ))
}

fn ip_v6(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    if place.before.is_some_and(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let mut candidate = &place.rest[..prefix_length(place.rest, is_part)];
    while candidate.bytes().filter(|byte| *byte == b':').count() >= 2 {
        if let Ok(address) = candidate.parse::<Ipv6Addr>() {
            let public = address.is_loopback() || address.is_unspecified();
            return (!public)
                .then(|| place.sensitive_match(SensitiveKind::Ip, 0, candidate.len(), address.to_string()));
        }
        // A sentence goes on after the address: `fe80::1: connection refused`.
        candidate = candidate.strip_suffix([':', '.'])?;
    }
    None
}

fn ip_v4(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    if place.before.is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    let candidate = &place.rest[..prefix_length(place.rest, |c| c.is_ascii_digit() || c == '.')];
    let candidate = candidate.trim_end_matches('.');
    let mut parts = candidate.split('.');
    let end = parts.by_ref().take(4).map(|part| part.len() + 1).sum::<usize>().saturating_sub(1);
    let address: Ipv4Addr = candidate.get(..end)?.parse().ok()?;
    if address.is_loopback() || address.is_unspecified() {
        return None;
    }
    Some(place.sensitive_match(SensitiveKind::Ip, 0, end, address.to_string()))
}

/// The account in an AWS IoT endpoint, and names of private networks.
fn host(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    const PRIVATE: [&str; 7] =
        [".local", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box", ".localdomain"];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if place.before.is_some_and(is_name) {
        return None;
    }
    let name = place.rest[..prefix_length(place.rest, is_name)].trim_end_matches(['.', '-']);
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(".amazonaws.com") || lower.ends_with(".amazonaws.com.cn") {
        let label = lower.find('.')?;
        let account = lower[..label].strip_suffix("-ats").map_or(label, str::len);
        let is_account = account >= 10 && lower.contains(".iot.");
        return is_account
            .then(|| place.sensitive_match(SensitiveKind::Account, 0, account, &lower[..account]));
    }
    PRIVATE.iter().any(|end| lower.len() > end.len() && lower.ends_with(end)).then_some(())?;
    Some(place.sensitive_match(SensitiveKind::Host, 0, name.len(), lower))
}

/// Long hex words, numbers and random-looking words.
fn hex_or_token(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    let hex = prefix_length(place.rest, |c| c.is_ascii_hexdigit());
    let goes_on = place.rest[hex..].starts_with(|c: char| c.is_ascii_alphanumeric());
    if hex < 12 || (goes_on && looks_random(place.rest)) {
        return token(place);
    }
    let kind = match hex {
        12 => SensitiveKind::Mac,
        // Long enough to be a key.
        32.. => SensitiveKind::Secret,
        _ => SensitiveKind::Id,
    };
    Some(place.sensitive_match(kind, 0, hex, place.rest[..hex].to_ascii_lowercase()))
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-')
}

fn token(place: &ScanPosition<'_>) -> Option<SensitiveMatch> {
    if place.before.is_some_and(|c| c.is_ascii_alphanumeric()) || !looks_random(place.rest) {
        return None;
    }
    Some(place.sensitive_match(SensitiveKind::Secret, 0, prefix_length(place.rest, is_base64), ""))
}

/// Whether the text begins with a long word that changes between capitals, small letters and digits as
/// often as only random ones do.
fn looks_random(text: &str) -> bool {
    let word = &text[..prefix_length(text, is_base64)];
    let class = |c: u8| (c.is_ascii_uppercase(), c.is_ascii_lowercase(), c.is_ascii_digit());
    let pairs = || word.as_bytes().windows(2).filter(|pair| pair.iter().all(u8::is_ascii_alphanumeric));
    let changes = pairs().filter(|pair| class(pair[0]) != class(pair[1])).count();
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    match word.len() {
        32.. => changes >= 8 && changes * 4 >= pairs().count(),
        20.. => changes >= 6 && changes * 10 >= pairs().count() * 3 && has_digit,
        _ => false,
    }
}
