//! Writes finished documents to files atomically.
//!
//! A temporary file beside the target, synced, then renamed. Mode 0600, directories 0700: a report may
//! contain private values that redaction does not recognize.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};

use super::markdown::report;
use super::schema::Export;
use crate::diagnostics::clean::clean;

/// Where exports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A new file each time, `diagnostics_YYYYmmdd_HHMMSS.json`, in this directory.
    Directory(PathBuf),
    /// Always this file.
    File(PathBuf),
}

/// Writes the JSON export made at `at` and gives its path. Blocks until it is on the disk.
///
/// # Errors
/// If it cannot be written; an older file is left as it was.
pub fn save_json(export: &Export, at: DateTime<Utc>, to: &Destination) -> Result<PathBuf, ExportError> {
    let json = export.to_json()?;
    match to {
        Destination::Directory(dir) => write_new(dir, "diagnostics", at, "json", json.as_bytes()),
        Destination::File(path) => replace(path, json.as_bytes()),
    }
}

/// Writes the Markdown report made at `at` into `dir` as `report_YYYYmmdd_HHMMSS.md` and gives its path.
///
/// # Errors
/// If it cannot be written.
pub fn save_report(export: &Export, at: DateTime<Utc>, dir: &Path) -> Result<PathBuf, ExportError> {
    write_new(dir, "report", at, "md", report(export).as_bytes())
}

/// Why a document could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The directory is missing and cannot be made.
    #[error(
        "cannot make the directory {path} for the export: {source}; choose another with --export-dir DIR"
    )]
    Directory {
        /// The directory, safe to print.
        path: String,
        /// The system's error message.
        source: io::Error,
    },
    /// Writing failed: disk full, no permission…
    #[error(
        "cannot write the export {path}: {source}; free some space or choose another place with --export-dir DIR"
    )]
    Write {
        /// The file, safe to print.
        path: String,
        /// The system's error message.
        source: io::Error,
    },
    /// The export has no JSON form.
    #[error("cannot put the export into JSON: {0}; please report this as a bug")]
    Encode(#[from] serde_json::Error),
    /// The target is a directory, a device, a pipe…
    #[error(
        "cannot replace {path} by the export because it is no ordinary file; name another with --export-file FILE"
    )]
    NotAFile {
        /// The target, safe to print.
        path: String,
    },
}

/// Writes `content` to a new file `<prefix>_YYYYmmdd_HHMMSS.<extension>` (UTC) in `dir`, which is made if
/// missing. Never overwrites: a second document of the same second gets `_2`, and so on.
///
/// # Errors
/// If the directory cannot be made or the file cannot be written; nothing is left behind then.
pub fn write_new(
    dir: &Path,
    prefix: &str,
    at: DateTime<Utc>,
    extension: &str,
    content: &[u8],
) -> Result<PathBuf, ExportError> {
    let stem = format!("{prefix}_{}", at.format("%Y%m%d_%H%M%S"));
    create_private_dir(dir).map_err(|source| ExportError::Directory { path: display_path(dir), source })?;
    let mut number = 1_u32;
    let mut target = dir.join(format!("{stem}.{extension}"));
    let temporary = TempFile::write(&target, content)?;
    loop {
        match temporary.persist_new(&target) {
            Ok(()) => return Ok(target),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 10_000 => {
                number += 1;
                target = dir.join(format!("{stem}_{number}.{extension}"));
            }
            Err(source) => return Err(ExportError::Write { path: display_path(&target), source }),
        }
    }
}

/// Writes `content` over the file `path`, or makes it. A symbolic link is followed, so that the file it
/// leads to is replaced. Readers see the old document or the new one, never a part.
///
/// # Errors
/// If `path` is no ordinary file or cannot be written; the old document stays then.
pub fn replace(path: &Path, content: &[u8]) -> Result<PathBuf, ExportError> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(ExportError::NotAFile { path: display_path(path) });
    }
    if let Some(dir) = target.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        create_private_dir(dir)
            .map_err(|source| ExportError::Directory { path: display_path(dir), source })?;
    }
    let temporary = TempFile::write(&target, content)?;
    temporary
        .persist_over(&target)
        .map_err(|source| ExportError::Write { path: display_path(path), source })?;
    Ok(target)
}

/// A written and synced file under a temporary name; removed when dropped.
struct TempFile {
    path: PathBuf,
}

impl TempFile {
    fn write(target: &Path, content: &[u8]) -> Result<Self, ExportError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let write_error = |source| ExportError::Write { path: display_path(target), source };
        loop {
            let mut name = OsString::from(".");
            name.push(target.file_name().unwrap_or_default());
            name.push(format!(".{}-{}.tmp", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
            let path = target.with_file_name(name);
            let mut file = match owner_only(OpenOptions::new().write(true).create_new(true)).open(&path) {
                Ok(file) => file,
                // Left by a killed run that had our process id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(write_error(error)),
            };
            let temporary = Self { path };
            file.write_all(content).and_then(|()| file.sync_all()).map_err(write_error)?;
            return Ok(temporary);
        }
    }

    fn persist_new(&self, target: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, target) {
            Ok(()) => {
                sync_dir_of(target);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // No hard links here (FAT, some network shares): reserve the name, then rename over it.
            Err(_) => {
                owner_only(OpenOptions::new().write(true).create_new(true)).open(target)?;
                self.persist_over(target)
            }
        }
    }

    fn persist_over(&self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        sync_dir_of(target);
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // Gone already after a rename.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a rename durable where the system allows to sync a directory; elsewhere it is durable anyway or
/// cannot be made so.
fn sync_dir_of(path: &Path) {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(dir).and_then(|dir| dir.sync_all());
}

/// Adds mode 0600 for files made by these options.
pub(super) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes a directory and its parents, mode 0700; an existing one is left as it is.
pub(super) fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// A path as text without control characters.
pub(super) fn display_path(path: &Path) -> String {
    clean(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<Utc> {
        "2026-08-03T12:27:13Z".parse().expect("a time")
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("listed").map(|entry| entry.expect("entry").file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    #[test]
    fn a_second_document_of_the_same_second_gets_a_number() {
        let dir = tempfile::tempdir().expect("directory");
        let inner = dir.path().join("a/b");
        for content in [b"one", b"two"] {
            write_new(&inner, "diagnostics", at(), "json", content).expect("written");
        }
        assert_eq!(names(&inner), ["diagnostics_20260803_122713.json", "diagnostics_20260803_122713_2.json"]);
        assert_eq!(fs::read(inner.join("diagnostics_20260803_122713.json")).expect("read"), b"one");
    }

    #[test]
    fn a_named_file_is_replaced_through_links() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("export.json");
        for content in ["old", "new"] {
            replace(&path, content.as_bytes()).expect("written");
        }
        #[cfg(unix)]
        {
            let link = dir.path().join("link.json");
            std::os::unix::fs::symlink(&path, &link).expect("linked");
            replace(&link, b"newer").expect("written");
            assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
            assert_eq!(fs::read(&path).expect("read"), b"newer");
            assert_eq!(names(dir.path()), ["export.json", "link.json"]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_and_directories_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("directory");
        let inner = dir.path().join("exports");
        let path = write_new(&inner, "report", at(), "md", b"x").expect("written");
        for (path, mode) in [(path, 0o600), (inner, 0o700)] {
            assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn only_regular_files_are_replaced_and_no_temporary_file_remains() {
        let dir = tempfile::tempdir().expect("directory");
        let error = replace(dir.path(), b"x").expect_err("a directory");
        assert!(error.to_string().contains("no ordinary file"), "{error}");
        fs::write(dir.path().join("file"), "").expect("written");
        let error =
            write_new(&dir.path().join("file/x"), "d", at(), "json", b"x").expect_err("not a directory");
        assert!(error.to_string().starts_with("cannot make the directory"), "{error}");
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_never_renamed_over() {
        assert!(matches!(replace(Path::new("/dev/full"), b"x"), Err(ExportError::NotAFile { .. })));
    }

    #[test]
    fn paths_are_safe_to_print() {
        assert_eq!(display_path(Path::new("a\u{1b}[2J\nb")), "a\u{fffd}[2J b");
    }
}
