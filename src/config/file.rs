//! Reading the configuration file.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::device::ConfiguredDevice;

use super::{ConfigError, Directories, Options};

/// Reads the file named on the command line, or the first that exists in the search paths.
///
/// # Errors
///
/// One sentence with the file (and the key and line, if one is wrong). A file that was named must exist; the
/// search paths may be empty.
pub fn load(explicit_path: Option<&Path>, directories: &Directories) -> Result<Options, ConfigError> {
    if let Some(path) = explicit_path {
        return read(path)?.ok_or_else(|| ConfigError::FileMissing(path.to_owned()));
    }
    for path in &directories.config_files {
        if let Some(options) = read(path)? {
            return Ok(options);
        }
    }
    Ok(Options::default())
}

fn read(path: &Path) -> Result<Option<Options>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text, path).map(Some),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(ConfigError::FileUnreadable(path.to_owned(), error.to_string())),
    }
}

/// The device in the text of a configuration file.
///
/// # Errors
///
/// As for a file.
pub fn parse_device(text: &str) -> Result<Option<ConfiguredDevice>, ConfigError> {
    let path = Path::new("(built in)");
    let options = parse(text, path)?;
    super::device::device(&options.device, &options.command)
        .map_err(|error| ConfigError::Command(error.message))
}

/// Parses the text of a file; `path` is for the error message only.
pub(super) fn parse(text: &str, path: &Path) -> Result<Options, ConfigError> {
    let options: Options =
        toml::from_str(text).map_err(|error| parse_error(text, path.to_owned(), &error))?;
    match super::device::device(&options.device, &options.command) {
        Ok(_) => Ok(options),
        Err(error) => {
            let (file, line) = (path.to_owned(), line_of(text, error.span.start));
            Err(ConfigError::FileInvalid { file, line, why: error.message })
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn parse_error(text: &str, file: PathBuf, error: &toml::de::Error) -> ConfigError {
    let line = line_of(text, error.span().map_or(0, |span| span.start));
    // The parser's own wording starts "unknown field `name`, expected one of `a`, `b`".
    let unknown =
        error.message().strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "));
    match unknown {
        Some((key, known)) => ConfigError::UnknownKey {
            file,
            line,
            key: key.to_owned(),
            known: known.trim_start_matches("one of ").replace('`', ""),
        },
        None => ConfigError::FileInvalid { file, line, why: error.message().replace('\n', " ") },
    }
}
