//! The files of a recording, in the order of their events.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::diagnostics::clean::clean;
use crate::diagnostics::recording::{Decoder, RecordingReader};

/// Bytes read at a time.
const BUFFER: usize = 256 * 1024;

/// Why a recording cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file cannot be opened.
    #[error("cannot open the recording {0}: {1}")]
    Open(String, io::Error),
    /// Standard input, a pipe or a directory, which cannot be read again.
    #[error("cannot replay {0}: it is not a regular file; save the recording to a file first")]
    NotAFile(String),
    /// No line of any file is an event.
    #[error("there is no event in {0}: is it a recording of dropscope?")]
    Empty(String),
}

/// The files, in the order of their events.
#[derive(Debug)]
pub(super) struct ReplaySource {
    parts: Vec<ReplayPart>,
    start_time: DateTime<Utc>,
}

#[derive(Debug)]
struct ReplayPart {
    path: PathBuf,
    bytes: u64,
}

/// A position between two lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ReplayPosition {
    pub(super) part: usize,
    pub(super) offset: u64,
}

impl ReplaySource {
    /// Reads the first event of each file. Files without events come last; they are read for their unreadable lines.
    pub(super) fn open(files: &[PathBuf]) -> Result<Self, OpenError> {
        let mut parts = Vec::new();
        for path in files {
            let open_error = |error| OpenError::Open(display_path(path), error);
            let metadata = std::fs::metadata(path).map_err(open_error)?;
            if !metadata.is_file() {
                return Err(OpenError::NotAFile(display_path(path)));
            }
            let first = first_event(path).map_err(open_error)?;
            parts.push((first.is_none(), first, ReplayPart { path: path.clone(), bytes: metadata.len() }));
        }
        let Some(start_time) = parts.iter().filter_map(|(_, first, _)| *first).min() else {
            let names: Vec<_> = files.iter().map(|path| display_path(path)).collect();
            return Err(OpenError::Empty(names.join(", ")));
        };
        parts.sort_by_key(|(is_empty, first, _)| (*is_empty, *first));
        Ok(Self { parts: parts.into_iter().map(|(.., part)| part).collect(), start_time })
    }

    /// A reader from a position on; `None` after the last file.
    pub(super) fn reader(
        &self,
        at: ReplayPosition,
        decoder: Decoder,
    ) -> io::Result<Option<RecordingReader<BufReader<File>>>> {
        let Some(part) = self.parts.get(at.part) else { return Ok(None) };
        let mut file = File::open(&part.path)?;
        file.seek(SeekFrom::Start(at.offset))?;
        Ok(Some(RecordingReader::with_decoder(BufReader::with_capacity(BUFFER, file), decoder)))
    }

    /// Percent of the bytes before a position.
    pub(super) fn percent(&self, at: ReplayPosition) -> u8 {
        let total: u64 = self.parts.iter().map(|part| part.bytes).sum();
        let before: u64 = self.parts.iter().take(at.part).map(|part| part.bytes).sum();
        let share = u128::from(before + at.offset) * 100 / u128::from(total.max(1));
        u8::try_from(share.min(100)).unwrap_or(100)
    }

    /// The wall clock at the first event.
    pub(super) fn start_time(&self) -> DateTime<Utc> {
        self.start_time
    }

    /// The file with the first event.
    pub(super) fn first_file(&self) -> Option<&Path> {
        self.parts.first().map(|part| part.path.as_path())
    }
}

/// The wall clock at the first event of a file; `None` without any.
fn first_event(path: &Path) -> io::Result<Option<DateTime<Utc>>> {
    let mut reader = RecordingReader::new(BufReader::new(File::open(path)?));
    Ok(reader.next().transpose()?.map(|observed| observed.at.wall))
}

fn display_path(path: &Path) -> String {
    clean(&path.to_string_lossy()).into_owned()
}
