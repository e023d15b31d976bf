//! The log of the program: one file, never the terminal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Size in bytes at which the log is renamed to `….old` and started again, so that two files exist at most.
const MAX_LOG_BYTES: u64 = 8 * 1024 * 1024;

/// Lines that may wait for the disk; more are dropped, because logging must not slow the link down.
const MAX_BUFFERED_LINES: usize = 8_192;

/// The program's own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The file; it is rotated when it gets large.
    pub file: PathBuf,
    /// The level of detail.
    pub verbosity: Verbosity,
}

/// The level of detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Information, warnings and errors.
    Normal,
    /// `-v`: every event.
    Verbose,
    /// `-vv`: also program internals.
    Trace,
}

/// Starts logging for the whole program. Keep the guard until the end: dropping it writes the queued lines.
///
/// Other crates log warnings only, whatever the verbosity: their finer levels may contain payloads.
///
/// # Errors
///
/// If the file cannot be opened, or logging was started before.
pub fn start(settings: &LogSettings) -> io::Result<WorkerGuard> {
    let (writer, guard) = open(&settings.file)?;
    let own_level = match settings.verbosity {
        Verbosity::Normal => LevelFilter::INFO,
        Verbosity::Verbose => LevelFilter::DEBUG,
        Verbosity::Trace => LevelFilter::TRACE,
    };
    let filter = Targets::new().with_default(LevelFilter::WARN).with_target("dropscope", own_level);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(io::Error::other)?;
    Ok(guard)
}

fn open(path: &Path) -> io::Result<(NonBlocking, WorkerGuard)> {
    let file = RotatingFile::open(path, MAX_LOG_BYTES)?;
    Ok(NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MAX_BUFFERED_LINES).finish(file))
}

/// A file that is rotated when it gets large.
#[derive(Debug)]
struct RotatingFile {
    path: PathBuf,
    file: File,
    size: u64,
    max_bytes: u64,
}

impl RotatingFile {
    fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let file = append_to(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, max_bytes })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut backup = self.path.clone().into_os_string();
        backup.push(".old");
        fs::rename(&self.path, backup)?;
        self.file = append_to(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

/// Opens for appending, readable by the user only: it contains topics and addresses.
fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size > 0 && self.size.saturating_add(bytes.len() as u64) > self.max_bytes {
            // A log that cannot be renamed (read-only folder, open elsewhere on Windows) is truncated, so that it
            // does not fill the disk.
            if self.rotate().is_err() {
                self.file.set_len(0)?;
                self.size = 0;
            }
        }
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_rotated_to_one_backup() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/down/log");
        let mut log = RotatingFile::open(&path, 100).expect("a log");
        for number in 0..50 {
            log.write_all(format!("line {number:04} of the log\n").as_bytes()).expect("a line");
        }
        let old = folder.path().join("deep/down/log.old");
        for file in [&path, &old] {
            let text = fs::read_to_string(file).expect("a file");
            assert!(text.len() <= 100 && text.ends_with('\n') && text.starts_with("line "), "{text}");
        }
        assert!(fs::read_to_string(&path).expect("a file").contains("line 0049"));
        assert_eq!(fs::read_dir(folder.path().join("deep/down")).expect("a folder").count(), 2);
    }

    #[test]
    fn an_existing_log_is_appended_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        for word in ["one", "two"] {
            writeln!(RotatingFile::open(&path, 100).expect("a log"), "{word}").expect("a line");
        }
        assert_eq!(fs::read_to_string(&path).expect("a file"), "one\ntwo\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_log_is_for_the_user_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        drop(RotatingFile::open(&path, 100).expect("a log"));
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn own_lines_follow_the_verbosity_and_foreign_details_stay_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = LogSettings { file: folder.path().join("log"), verbosity: Verbosity::Verbose };
        let guard = start(&settings).expect("logging");
        tracing::debug!("own detail");
        tracing::trace!("own workings");
        tracing::debug!(target: "rustls", "foreign detail");
        tracing::warn!(target: "rustls", "foreign warning");
        drop(guard);
        let text = fs::read_to_string(&settings.file).expect("a file");
        assert!(text.contains("own detail") && text.contains("foreign warning"), "{text}");
        assert!(
            !text.contains("workings") && !text.contains("foreign detail") && !text.contains('\x1b'),
            "{text}"
        );
        assert!(start(&settings).is_err(), "only once");
    }
}
