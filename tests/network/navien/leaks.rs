//! Search for secrets in everything the program writes.

use std::fs;
use std::path::{Path, PathBuf};

/// Prefix of the parameters of a signed URL.
const SIGNED: &str = "X-Amz-";
/// A secret longer than twice this is also found by either end, because lines are cut and texts wrapped.
const END: usize = 24;

/// The texts that must not appear anywhere.
#[derive(Default)]
pub(crate) struct Secrets(Vec<Secret>);

struct Secret {
    what: String,
    /// Any of these reveals it.
    forms: Vec<String>,
    /// Allowed in the token file.
    is_token: bool,
}

impl Secrets {
    /// The parameters of signed URLs.
    pub(crate) fn new() -> Self {
        let mut secrets = Self::default();
        secrets.add("signed URL", SIGNED, false);
        secrets
    }

    pub(crate) fn add(&mut self, what: &str, value: &str, is_token: bool) {
        let mut forms = vec![value.to_owned(), value.replace('/', "%2F").replace('+', "%2B")];
        if value.len() > 2 * END {
            forms.extend([value[..END].to_owned(), value[value.len() - END..].to_owned()]);
        }
        self.0.push(Secret { what: what.to_owned(), forms, is_token });
    }

    /// A MAC address, in its usual notations.
    pub(crate) fn add_mac(&mut self, mac: &str) {
        let pairs: Vec<&str> = (0..mac.len()).step_by(2).map(|at| &mac[at..at + 2]).collect();
        let forms = [String::new(), ":".into(), "-".into()].map(|between| pairs.join(&between));
        let upper = forms.clone().map(|form| form.to_uppercase());
        let forms = forms.into_iter().chain(upper).collect();
        self.0.push(Secret { what: "MAC address".to_owned(), forms, is_token: false });
    }

    /// The secrets in a text.
    pub(crate) fn found_in_text(&self, text: &str, is_tokens_file: bool) -> Vec<&str> {
        let all = self.0.iter().filter(|secret| !(is_tokens_file && secret.is_token));
        let found = all.filter(|secret| secret.forms.iter().any(|form| text.contains(form.as_str())));
        found.map(|secret| secret.what.as_str()).collect()
    }

    /// Searches every file below a folder but the excluded ones, and reports `FILE contains WHAT`; the token
    /// file may contain tokens.
    pub(crate) fn found_below(&self, folder: &Path, excluded: &[PathBuf]) -> Vec<String> {
        let mut found = Vec::new();
        for path in files_below(folder).iter().filter(|path| !excluded.contains(path)) {
            let text = without_choices(&String::from_utf8_lossy(&fs::read(path).unwrap()));
            let is_tokens_file = path.ends_with("navien-tokens.json");
            let what = self.found_in_text(&text, is_tokens_file).into_iter();
            found.extend(what.map(|what| format!("{} contains {what}", path.display())));
        }
        found
    }
}

/// The text without the list of devices that the user chooses from: `--device` takes an address.
fn without_choices(text: &str) -> String {
    let is_choice = |line: &str| {
        let mut words = line.strip_prefix("  ").unwrap_or_default().split(' ');
        let is_address = words.next().is_some_and(|word| {
            word.len() == 12
                && word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        });
        is_address && words.nth(1).is_some_and(|word| matches!(word, "online" | "offline" | "unknown"))
    };
    text.lines().filter(|line| !is_choice(line)).collect::<Vec<_>>().join("\n")
}

/// Every file below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn a_secret_in_any_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let session_token = format!("{}/+=={}", "a".repeat(30), "b".repeat(30));
    let mut secrets = Secrets::new();
    secrets.add("password", "open-sesame", false);
    secrets.add("session token", &session_token, true);
    secrets.add_mac("aabbccddeeff");
    let deep = folder.path().join("state/dropscope");
    fs::create_dir_all(&deep).unwrap();
    for (text, what) in [
        ("nothing to see", None),
        ("login open-sesame ok", Some("password")),
        ("GET /mqtt?X-Amz-Signature=1", Some("signed URL")),
        ("device AA:BB:CC:DD:EE:FF", Some("MAC address")),
        ("aabbccddeeff  online", Some("MAC address")),
        ("choose:\n  aabbccddeeff  online   Heater 0", None),
        (&format!("token {}…", &session_token[..40]), Some("session token")),
        (&session_token.replace('/', "%2F").replace('+', "%2B"), Some("session token")),
    ] {
        for name in ["out", "navien-tokens.json"] {
            let file = deep.join(name);
            fs::write(&file, text).unwrap();
            let expected = what.filter(|what| *what != "session token" || name == "out");
            let expected: Vec<_> =
                expected.iter().map(|what| format!("{} contains {what}", file.display())).collect();
            assert_eq!(secrets.found_below(folder.path(), &[]), expected, "{text}");
            assert!(secrets.found_below(folder.path(), std::slice::from_ref(&file)).is_empty());
            fs::remove_file(&file).unwrap();
        }
    }
}
