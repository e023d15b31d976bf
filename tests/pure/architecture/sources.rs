//! The source files of the crate, and the module paths and type definitions in them.
//!
//! Comments and test code are left out; only the length of a file counts them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// One source file.
pub(super) struct SourceFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its module path below the crate root: `["mqtt", "wire", "tap"]`; empty for the crate root.
    pub(super) module: Vec<String>,
    /// The whole text.
    pub(super) text: String,
    /// The text without comments and test code, with single spaces.
    pub(super) code: String,
}

impl SourceFile {
    /// The first segment of the module path: `mqtt`; the file name for `main` and `lib`.
    pub(super) fn top_module(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// Every `.rs` file below a folder of the repository.
pub(super) fn sources(folder: &str) -> Vec<SourceFile> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    collect(&base, &mut paths);
    paths.sort();
    paths.into_iter().map(|path| read(&base, path)).collect()
}

fn read(base: &Path, path: PathBuf) -> SourceFile {
    let text = fs::read_to_string(&path).expect("a source file");
    let relative = path.strip_prefix(base).expect("a file below the folder").to_owned();
    let code = if is_test(&relative) { String::new() } else { product_code(&text) };
    SourceFile { module: module_path(&relative), path, text, code }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn is_test(relative: &Path) -> bool {
    relative.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// `mqtt/wire/tap.rs` → `["mqtt", "wire", "tap"]`, `mqtt/mod.rs` → `["mqtt"]`, `lib.rs` → `[]`.
pub(super) fn module_path(relative: &Path) -> Vec<String> {
    let mut module: Vec<String> = relative
        .with_extension("")
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

/// The text without comments, without the test module at its end, and with single spaces.
pub(super) fn product_code(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let without_comments = product
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .map(|line| line.split(" // ").next().unwrap_or_default());
    without_comments.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Whether `path` occurs as a path of its own: followed by `::` or `;`, not part of a longer word.
pub(super) fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = &code[start + path.len()..];
        let is_whole = before.is_none_or(|character| !is_word(character) && character != ':');
        let is_end = after.chars().next().is_none_or(|character| !is_word(character));
        let is_path = path.contains("::") || after.starts_with("::") || after.starts_with(';');
        is_whole && is_end && is_path
    })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The top-level modules that code in `module` names: through `crate::`, and through a chain of `super::` that reaches
/// the crate root. Grouped imports are included.
pub(super) fn top_modules_named(module: &[String], code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (start, prefix) in code.match_indices("crate::") {
        found.extend(first_segments(&code[start + prefix.len()..]));
    }
    for (start, _) in code.match_indices("super::") {
        let is_chain_start = !code[..start].ends_with("super::");
        let chain = code[start..].split("super::").take_while(|part| part.is_empty()).count();
        if is_chain_start && chain >= module.len() {
            found.extend(first_segments(&code[start + chain * "super::".len()..]));
        }
    }
    found
}

/// The first segment of a path, or of each path of a brace group.
fn first_segments(rest: &str) -> Vec<String> {
    match rest.trim_start().strip_prefix('{') {
        Some(group) => group_heads(group),
        None => head(rest).into_iter().collect(),
    }
}

fn head(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|character| is_word(*character)).collect();
    (!word.is_empty()).then_some(word)
}

/// The first word of each item of a brace group.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut item) = (0_u32, Vec::new(), String::new());
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(head(&std::mem::take(&mut item))),
            other if depth == 0 => item.push(other),
            _ => {}
        }
    }
    heads.extend(head(&item));
    heads
}

/// The top-level modules whose items the code re-exports: `pub use crate::mqtt::Link;`.
pub(super) fn modules_re_exported(module: &[String], code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for visibility in ["pub use ", "pub(crate) use "] {
        for (start, prefix) in code.match_indices(visibility) {
            let statement = code[start + prefix.len()..].split(';').next().unwrap_or_default();
            found.extend(top_modules_named(module, statement));
        }
    }
    found
}

/// The names of the types, traits and aliases that the code defines at the level of a module.
pub(super) fn types_defined(code: &str) -> Vec<String> {
    let words: Vec<&str> = code.split(' ').collect();
    let mut found = Vec::new();
    for (index, pair) in words.windows(2).enumerate() {
        let is_definition = match pair[0] {
            "struct" | "enum" | "trait" | "union" => true,
            // An associated type follows `{` or `;` of an `impl` or `trait`; an alias has a visibility or an attribute
            // before it, or begins a line of its own after `;` or `}` and has no `Self::`.
            "type" => index.checked_sub(1).is_some_and(|before| words[before].starts_with("pub")),
            _ => false,
        };
        let name: String = pair[1].chars().take_while(|character| is_word(*character)).collect();
        if is_definition && name.starts_with(|first: char| first.is_ascii_uppercase()) {
            found.push(name);
        }
    }
    found
}
