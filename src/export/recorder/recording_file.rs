//! The files of a recording: which one the next line goes to, and which old ones are removed.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::super::file::{create_private_dir, display_path, owner_only};
use super::RecorderTarget;

/// Why a line could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("cannot make the directory {0} for recordings: {1}; choose another place with --record FILE")]
    Directory(String, io::Error),
    #[error("cannot open the recording {0}: {1}; check the path and its permissions")]
    Open(String, io::Error),
    #[error(
        "the recording {0} is being written by another dropscope; choose another file with --record FILE"
    )]
    Busy(String),
    #[error(
        "cannot write the recording {0}: {1}; free some space or choose another place with --record FILE"
    )]
    Write(String, io::Error),
    #[error(
        "cannot rename {0} to make room for a new recording: {1}; check the permissions of its directory"
    )]
    Rotate(String, io::Error),
}

/// The file being written, and the rule by which it is followed by the next.
#[derive(Debug)]
pub(super) struct RecordingFile {
    target: RecorderTarget,
    max_bytes: u64,
    max_files: usize,
    /// Files begun in a directory, for their names.
    part: u32,
    path: PathBuf,
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    bytes: u64,
    /// A regular file: has a size, can be rotated. Not so a terminal, a pipe or a device.
    is_regular: bool,
}

impl RecordingFile {
    /// Nothing is opened before the first line.
    pub(super) fn new(target: RecorderTarget, max_bytes: u64, max_files: usize) -> Self {
        let path = match &target {
            RecorderTarget::File(path) => path.clone(),
            RecorderTarget::Directory { .. } => PathBuf::new(),
        };
        Self { target, max_bytes: max_bytes.max(1), max_files: max_files.max(1), part: 0, path, open: None }
    }

    /// Path and size of the open file.
    pub(super) fn current(&self) -> Option<(PathBuf, u64)> {
        self.open.as_ref().map(|open| (self.path.clone(), open.bytes))
    }

    /// Writes `line` and a line feed in one call. After an error the next call opens the file again.
    pub(super) fn append(&mut self, line: &str) -> Result<(), RecordError> {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.open.is_none() {
            self.open = Some(self.reopen()?);
        }
        let is_over_limit = |open: &OpenFile| {
            open.is_regular && open.bytes > 0 && open.bytes.saturating_add(size) > self.max_bytes
        };
        if self.open.as_ref().is_some_and(is_over_limit) {
            self.open = None;
            self.open = Some(self.open_next()?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        match open.file.write_all(&bytes) {
            Ok(()) => {
                open.bytes += size;
                Ok(())
            }
            Err(error) => {
                self.open = None;
                Err(RecordError::Write(display_path(&self.path), error))
            }
        }
    }

    /// Makes sure that what was written is on the disk.
    pub(super) fn sync(&mut self) -> Result<(), RecordError> {
        let Some(open) = self.open.as_ref().filter(|open| open.is_regular) else { return Ok(()) };
        open.file.sync_data().map_err(|error| RecordError::Write(display_path(&self.path), error))
    }

    /// Closes the file if its path no longer leads to it, so that the next line creates it again.
    pub(super) fn close_if_replaced(&mut self) {
        let Some(open) = self.open.as_ref().filter(|open| open.is_regular) else { return };
        if !is_same_file(&open.file, &self.path) {
            self.open = None;
        }
    }

    /// Opens the file that was open before an error, or the first.
    fn reopen(&mut self) -> Result<OpenFile, RecordError> {
        if self.path.as_os_str().is_empty() { self.open_next_part() } else { self.open_existing() }
    }

    /// Begins the next file because the current one is full.
    fn open_next(&mut self) -> Result<OpenFile, RecordError> {
        match &self.target {
            RecorderTarget::File(_) => self.rotate_numbered().and_then(|()| self.open_existing()),
            RecorderTarget::Directory { .. } => self.open_next_part(),
        }
    }

    /// Opens `self.path` at its end, on a line of its own.
    fn open_existing(&self) -> Result<OpenFile, RecordError> {
        let failed = |error| RecordError::Open(display_path(&self.path), error);
        let parent = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        if let Some(dir) = parent {
            create_private_dir(dir).map_err(|error| RecordError::Directory(display_path(dir), error))?;
        }
        let mut file =
            owner_only(OpenOptions::new().append(true).create(true)).open(&self.path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mut bytes = metadata.len();
        if metadata.is_file() {
            self.lock(&file)?;
            if ends_without_line_feed(&self.path).map_err(failed)? {
                file.write_all(b"\n").map_err(|error| RecordError::Write(display_path(&self.path), error))?;
                bytes += 1;
            }
        }
        Ok(OpenFile { file, bytes, is_regular: metadata.is_file() })
    }

    /// Begins a new file in the directory and removes the oldest ones.
    fn open_next_part(&mut self) -> Result<OpenFile, RecordError> {
        let RecorderTarget::Directory { dir, started, client_id } = &self.target else {
            return self.open_existing();
        };
        create_private_dir(dir).map_err(|error| RecordError::Directory(display_path(dir), error))?;
        let stem = format!("{PREFIX}{}_{}", started.format("%Y%m%d_%H%M%S"), file_name_part(client_id));
        loop {
            self.part += 1;
            let suffix = if self.part == 1 { String::new() } else { format!("_{:04}", self.part) };
            let path = dir.join(format!("{stem}{suffix}{EXTENSION}"));
            match owner_only(OpenOptions::new().append(true).create_new(true)).open(&path) {
                Ok(file) => {
                    self.path = path;
                    self.lock(&file)?;
                    remove_oldest(dir, self.max_files, &self.path);
                    return Ok(OpenFile { file, bytes: 0, is_regular: true });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    self.part -= 1;
                    return Err(RecordError::Open(display_path(&path), error));
                }
            }
        }
    }

    /// `FILE` → `FILE.1` → `FILE.2` …, the last one falling off.
    fn rotate_numbered(&self) -> Result<(), RecordError> {
        let numbered = |number: usize| {
            let mut name = OsString::from(&self.path);
            if number > 0 {
                name.push(format!(".{number}"));
            }
            PathBuf::from(name)
        };
        if self.max_files == 1 {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(RecordError::Rotate(display_path(&self.path), error))
                }
                _ => Ok(()),
            };
        }
        for number in (0..self.max_files - 1).rev() {
            let from = numbered(number);
            match fs::rename(&from, numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(RecordError::Rotate(display_path(&from), error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Marks the file as being written, so that two programs neither mix their lines nor remove each
    /// other's file. File systems without locks are taken as they are.
    fn lock(&self, file: &File) -> Result<(), RecordError> {
        if is_locked_elsewhere(file) { Err(RecordError::Busy(display_path(&self.path))) } else { Ok(()) }
    }
}

const PREFIX: &str = "dropscope_";
const EXTENSION: &str = ".jsonl";

/// A client id as part of a file name: letters, digits, `-`, `_` and `.`, at most 48 of them.
fn file_name_part(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = text.chars().take(48).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if name.is_empty() { "client".to_owned() } else { name }
}

/// Whether `name` is one this program gives to recordings in a directory.
fn is_recording_name(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(EXTENSION)) else {
        return false;
    };
    let shape = "dddddddd_dddddd_";
    rest.len() > shape.len()
        && rest.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// Removes the oldest recordings of `dir` until `keep` are left, sparing `current` and those that another
/// program is writing. Trouble with an old file is no reason to stop recording.
fn remove_oldest(dir: &Path, max_files: usize, current: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_recording_name(name))
        .collect();
    // The names begin with the UTC start of their run; of one run, the unnumbered file is the first.
    names.sort_unstable_by(|a, b| a.strip_suffix(EXTENSION).cmp(&b.strip_suffix(EXTENSION)));
    let surplus = names.len().saturating_sub(max_files);
    let old = names.into_iter().map(|name| dir.join(name)).filter(|path| path != current);
    for path in old.take(surplus) {
        let is_free = File::open(&path).is_ok_and(|file| !is_locked_elsewhere(&file));
        if is_free {
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether the file ends in the middle of a line.
fn ends_without_line_feed(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(open), Ok(current)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (current.dev(), current.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Tries to lock the file; `true` if another process holds the lock.
#[cfg(unix)]
fn is_locked_elsewhere(file: &File) -> bool {
    use rustix::fs::{FlockOperation, flock};
    flock(file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK)
}

#[cfg(not(unix))]
fn is_locked_elsewhere(_: &File) -> bool {
    false
}
