//! Finds the input files of a command line, and joins the parts of one run.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::display_path;

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputSource {
    /// Standard input, written `-`.
    Stdin,
    /// A file, or the parts of a rotated recording, the oldest first.
    Files(Vec<PathBuf>),
}

/// The result of looking up the arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct InputLookup {
    /// The inputs.
    pub sources: Vec<InputSource>,
    /// One sentence for each argument without a file, with what to do.
    pub errors: Vec<String>,
}

/// Looks up files, directories, patterns and `-`. A file named twice is found once.
pub fn find_inputs(arguments: &[PathBuf]) -> InputLookup {
    let mut lookup = InputLookup::default();
    let mut files = Vec::new();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            if !lookup.sources.contains(&InputSource::Stdin) {
                lookup.sources.push(InputSource::Stdin);
            }
            continue;
        }
        match resolve_argument(argument) {
            Ok(found) => files.extend(found),
            Err(error) => lookup.errors.push(error),
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    lookup.sources.extend(join_parts(files).into_iter().map(InputSource::Files));
    lookup
}

fn resolve_argument(argument: &Path) -> Result<Vec<PathBuf>, String> {
    match fs::metadata(argument) {
        Ok(metadata) if metadata.is_dir() => files_in_directory(argument),
        Ok(_) => Ok(vec![argument.to_owned()]),
        Err(_) if is_pattern(argument.as_os_str()) => {
            let files = expand_pattern(argument);
            if files.is_empty() {
                return Err(format!(
                    "no file matches {}: check the pattern, or give the directory alone",
                    display_path(argument)
                ));
            }
            Ok(files)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(format!(
            "there is no file {}: check the path, or give a directory or a quoted pattern",
            display_path(argument)
        )),
        Err(error) => {
            Err(format!("cannot look at {}: {error}; check its permissions", display_path(argument)))
        }
    }
}

fn files_in_directory(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir)
        .map_err(|error| format!("cannot list {}: {error}; check its permissions", display_path(dir)))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            is_recording_or_export(path) && fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!(
            "there is no recording (*.jsonl) and no export (*.json) in {}: give the directory that holds them",
            display_path(dir)
        ));
    }
    Ok(files)
}

/// Whether a file of a directory is read: `*.jsonl`, `*.json`, and `*.jsonl.1` and so on of a rotated file.
fn is_recording_or_export(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else { return false };
    if name.starts_with('.') {
        return false;
    }
    let name = split_rotation_suffix(name).map_or(name, |(stem, _)| stem);
    [".jsonl", ".json"].iter().any(|end| name.len() > end.len() && name.ends_with(end))
}

/// `FILE.7` → `FILE` and 7.
fn split_rotation_suffix(name: &str) -> Option<(&str, u32)> {
    let (stem, number) = name.rsplit_once('.')?;
    let is_number = (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !stem.is_empty()).then_some(())?;
    Some((stem, number.parse().ok()?))
}

/// `RUN_0007.jsonl` → `RUN.jsonl` and 7.
fn split_part_suffix(name: &str) -> Option<(String, u32)> {
    let (stem, number) = name.strip_suffix(".jsonl")?.rsplit_once('_')?;
    let is_number = number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && stem.starts_with("dropscope_")).then_some(())?;
    Some((format!("{stem}.jsonl"), number.parse().ok()?))
}

/// Joins the parts of rotated recordings, by the names that the recorder gives them.
fn join_parts(files: Vec<PathBuf>) -> Vec<Vec<PathBuf>> {
    let mut runs: BTreeMap<PathBuf, Vec<(i64, PathBuf)>> = BTreeMap::new();
    for file in files {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let (run, order) = if let Some((run, number)) = split_part_suffix(name) {
            (file.with_file_name(run), i64::from(number))
        } else if let Some((run, number)) = split_rotation_suffix(name) {
            // FILE.2 is older than FILE.1, which is older than FILE.
            (file.with_file_name(run), -i64::from(number))
        } else {
            (file.clone(), 0)
        };
        runs.entry(run).or_default().push((order, file));
    }
    let in_order = |mut parts: Vec<(i64, PathBuf)>| {
        parts.sort();
        parts.into_iter().map(|(_, file)| file).collect()
    };
    runs.into_values().map(in_order).collect()
}

fn is_pattern(text: &OsStr) -> bool {
    text.to_string_lossy().contains(['*', '?', '['])
}

/// The files that a pattern matches, sorted. `*` and `?` do not match a `/`.
fn expand_pattern(pattern: &Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        let Component::Normal(name) = component else {
            for path in &mut paths {
                path.push(component);
            }
            continue;
        };
        paths = paths.into_iter().flat_map(|base| expand_component(&base, name)).collect();
    }
    paths.retain(|path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file()));
    paths.sort();
    paths
}

/// The entries of a directory that one component of a pattern matches.
fn expand_component(base: &Path, name: &OsStr) -> Vec<PathBuf> {
    if !is_pattern(name) {
        return vec![base.join(name)];
    }
    let pattern: Vec<char> = name.to_string_lossy().chars().collect();
    let dir = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let matching = entries.filter(|entry| {
        let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
        // As in a shell, hidden files need a pattern that begins with a dot.
        (name.first() != Some(&'.') || pattern.first() == Some(&'.')) && matches_pattern(&pattern, &name)
    });
    matching.map(|entry| base.join(entry.file_name())).collect()
}

/// Whether a name matches a pattern of `*`, `?` and `[…]`. O(pattern × name) in time.
fn matches_pattern(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => match_class(pattern.get(p..).unwrap_or_default(), name.get(n).copied()),
            Some(same) if Some(same) == name.get(n) => Some(1),
            _ => None,
        };
        match (step, star) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((after, from))) => {
                star = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|sign| *sign == '*'))
}

/// The length of the class `[…]` that `pattern` begins with, if `name` is in it. A class without an end is plain text.
fn match_class(pattern: &[char], name: Option<char>) -> Option<usize> {
    let name = name?;
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let start = 1 + usize::from(negated);
    // A `]` right after the start belongs to the class.
    let Some(end) = pattern.iter().skip(start + 1).position(|sign| *sign == ']').map(|at| at + start + 1)
    else {
        return (name == '[').then_some(1);
    };
    let mut signs = pattern.get(start..end).unwrap_or_default();
    let mut inside = false;
    while let [first, rest @ ..] = signs {
        signs = rest;
        if let ['-', last, rest @ ..] = rest {
            inside |= (*first..=*last).contains(&name);
            signs = rest;
        } else {
            inside |= *first == name;
        }
    }
    (inside != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        let is_match = |pattern: &str, name: &str| {
            matches_pattern(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
        };
        for (pattern, name) in [
            ("*.jsonl", "a.jsonl"),
            ("a*b*c", "axxbyybzc"),
            ("?[0-9][!x]*", "a1y"),
            ("[]]", "]"),
            ("a[b", "a[b"),
            ("*", ""),
        ] {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.jsonl", "a.json"), ("a*b", "abc"), ("?", ""), ("[a-c]", "d"), ("[!a]", "a"), ("", "a")]
        {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
        assert!(!is_match(&"*a".repeat(500), &"a".repeat(499)), "ends in no time");
    }

    #[test]
    fn parts_of_one_run_are_joined_in_order() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let run = "d/dropscope_20260803_120000_c";
        let files = paths(&[
            &format!("{run}_0010.jsonl"),
            "x.jsonl",
            &format!("{run}_0002.jsonl"),
            "x.jsonl.10",
            &format!("{run}.jsonl"),
            "x.jsonl.2",
            "mine_0002.jsonl",
        ]);
        let expected = [
            paths(&[&format!("{run}.jsonl"), &format!("{run}_0002.jsonl"), &format!("{run}_0010.jsonl")]),
            paths(&["mine_0002.jsonl"]),
            paths(&["x.jsonl.10", "x.jsonl.2", "x.jsonl"]),
        ];
        assert_eq!(join_parts(files), expected);
    }

    #[test]
    fn directories_patterns_and_missing_files_are_distinguished() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        for name in ["a.jsonl", "b.json", "a.jsonl.1", "c.txt", ".hidden.json"] {
            fs::write(at(name), "").expect("written");
        }
        fs::create_dir(at("empty")).expect("made");
        let expected = [
            InputSource::Files(vec![at("a.jsonl.1"), at("a.jsonl")]),
            InputSource::Files(vec![at("b.json")]),
        ];
        assert_eq!(find_inputs(&[dir.path().to_owned(), at("a.jsonl")]).sources, expected);
        assert_eq!(find_inputs(&[at("?.json*"), "-".into(), "-".into()]).sources.len(), 3);
        let missing = find_inputs(&[at("empty"), at("no"), at("no*")]);
        assert!(missing.sources.is_empty());
        for (error, start) in
            missing.errors.iter().zip(["no recording", "there is no file", "no file matches"])
        {
            assert!(error.contains(start), "{error}");
        }
        assert_eq!(missing.errors.len(), 3);
    }
}
