//! Redacts private values in files that are shared.
//!
//! Two classes. *Secrets* (passwords, tokens, keys, signed query strings) are always taken out. *Identities*
//! (client ids, user names, e-mail, MAC and IP addresses, private host names, home directories) are taken
//! out unless the user chose to keep them. Equal values become equal placeholders within one document, so
//! that a reader can see that two lines name the same thing. In doubt, a value is taken out.

mod pattern_scan;

use std::collections::HashMap;

use pattern_scan::SensitiveMatch;

/// The classes of private values, in the words of the placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SensitiveKind {
    /// MQTT client id.
    Client,
    /// User name or account.
    User,
    /// E-mail address.
    Email,
    /// Hardware address.
    Mac,
    /// IPv4 or IPv6 address.
    Ip,
    /// Host name of the broker, or of a private network.
    Host,
    /// UUID, or a long number or hex word that may identify something.
    Id,
    /// The part of an AWS endpoint that names the account.
    Account,
    /// Password, token, key, signature.
    Secret,
}

impl SensitiveKind {
    fn placeholder_word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::User => "user",
            Self::Email => "email",
            Self::Mac => "mac",
            Self::Ip => "ip",
            Self::Host => "host",
            Self::Id => "id",
            Self::Account => "account",
            Self::Secret => "secret",
        }
    }
}

/// Longest text looked at, in bytes.
pub const MAX_TEXT_BYTES: usize = 4096;

/// The beginning of an overlong text, ending between words so that no half of a secret looks harmless.
fn truncate(text: &str) -> (&str, bool) {
    if text.len() <= MAX_TEXT_BYTES {
        return (text, false);
    }
    let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let end = text[..end].rfind(char::is_whitespace).unwrap_or(0);
    (text[..end].trim_end(), true)
}

/// Replaces private values in the texts of one document.
#[derive(Debug)]
pub struct Redactor {
    keep_identities: bool,
    /// Values known to be private, longest first.
    known_values: Vec<(SensitiveKind, String)>,
    /// Number of each value seen, per kind.
    numbers: HashMap<(SensitiveKind, String), usize>,
    /// Values seen per kind.
    counts: HashMap<SensitiveKind, usize>,
}

impl Redactor {
    /// A redactor for one document; with `keep_identities` only secrets are taken out.
    pub fn new(keep_identities: bool) -> Self {
        Self { keep_identities, known_values: Vec::new(), numbers: HashMap::new(), counts: HashMap::new() }
    }

    /// Marks `value` as private wherever it occurs, whatever its form. A word shorter than four characters
    /// is replaced only as a whole word.
    pub fn add_known(&mut self, kind: SensitiveKind, value: &str) {
        if !value.trim().is_empty() {
            self.known_values.push((kind, value.to_owned()));
            self.known_values.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        }
    }

    /// `text` without its private values. What is longer than [`MAX_TEXT_BYTES`] is cut off.
    pub fn text(&mut self, text: &str) -> String {
        let (text, rest) = truncate(text);
        let mut clean = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let Some(found) = self
                .known_at(text, at)
                .or_else(|| pattern_scan::match_at(text, at, clean.chars().next_back()))
            else {
                clean.push(first);
                at += first.len_utf8();
                continue;
            };
            clean.push_str(&text[at..found.start]);
            if self.keep_identities && found.kind != SensitiveKind::Secret {
                clean.push_str(&text[found.start..found.end]);
            } else {
                clean.push_str(&self.placeholder(found.kind, found.value));
            }
            at = found.end;
        }
        if rest {
            clean.push('…');
        }
        clean
    }

    /// A whole value of a known kind, for example the client id.
    pub fn value(&mut self, kind: SensitiveKind, value: &str) -> String {
        if value.is_empty() || (self.keep_identities && kind != SensitiveKind::Secret) {
            return value.to_owned();
        }
        self.placeholder(kind, value.to_owned())
    }

    fn known_at(&self, text: &str, at: usize) -> Option<SensitiveMatch> {
        let rest = &text.as_bytes()[at..];
        self.known_values.iter().find_map(|(kind, value)| {
            let end = at + value.len();
            let head = rest.get(..value.len())?;
            let matches = head.eq_ignore_ascii_case(value.as_bytes())
                && text.is_char_boundary(end)
                && (value.len() >= 4 || pattern_scan::is_whole_word(text, at, end));
            matches.then(|| SensitiveMatch { kind: *kind, start: at, end, value: value.clone() })
        })
    }

    /// `<mac-1>` and so on; equal values get equal numbers.
    fn placeholder(&mut self, kind: SensitiveKind, value: String) -> String {
        if kind == SensitiveKind::Secret {
            return "<secret>".to_owned();
        }
        let seen = self.counts.entry(kind).or_default();
        let number = *self.numbers.entry((kind, value)).or_insert_with(|| {
            *seen += 1;
            *seen
        });
        format!("<{}-{number}>", kind.placeholder_word())
    }
}

/// The host of an endpoint, unless it is `localhost` or Amazon's (there only the account is private). An
/// address is found by its form.
pub(super) fn private_host(endpoint: &str) -> Option<&str> {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if authority.starts_with('[') {
        return None;
    }
    let host = authority.split(':').next()?;
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let is_public_host =
        host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().contains(".amazonaws.com");
    (!host.is_empty() && !is_address && !is_public_host).then_some(host)
}

#[cfg(test)]
mod tests;
