//! Writes recording lines to disk without delaying the link.
//!
//! A thread of its own writes them; the way there is a bounded channel. While the disk refuses, lines wait
//! in the channel; what does not fit any more is counted as lost. Each write is one whole line straight to
//! the file, so that a killed program leaves at most one incomplete line behind.
//!
//! Recordings are private (mode 0600) and hold client ids and topics as they are; secrets never reach
//! them (see [`crate::diagnostics::recording`]).

mod recording_file;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};

use recording_file::RecordingFile;

use crate::diagnostics::recording::RecorderState;

/// Where a recording goes.
#[derive(Debug, Clone)]
pub enum RecorderTarget {
    /// One file per run in a directory, `dropscope_YYYYmmdd_HHMMSS_<client>.jsonl`. The oldest files of
    /// that form are removed.
    Directory {
        /// The directory; made (mode 0700) if missing.
        dir: PathBuf,
        /// Start of the run, for the name.
        started: DateTime<Utc>,
        /// MQTT client id, for the name.
        client_id: String,
    },
    /// One file, appended to; full ones become `FILE.1`, `FILE.2`…
    File(PathBuf),
}

/// How to record.
#[derive(Debug, Clone)]
pub struct RecorderSettings {
    /// Where.
    pub target: RecorderTarget,
    /// Size at which a new file is begun, in bytes.
    pub max_bytes: u64,
    /// How many files are kept, the current one included (at least 1).
    pub max_files: usize,
    /// Lines that may wait for the disk.
    pub queue: usize,
    /// How long to wait before trying again after a failure.
    pub retry: Duration,
}

impl RecorderSettings {
    /// 64 MiB × 8 files, 8192 waiting lines, retry every 3 s.
    pub fn new(target: RecorderTarget) -> Self {
        Self { target, max_bytes: 64 << 20, max_files: 8, queue: 8192, retry: Duration::from_secs(3) }
    }
}

/// A running recording. Dropping it ends it without waiting; see [`Recorder::finish`].
#[derive(Debug)]
pub struct Recorder {
    lines: Option<SyncSender<QueuedLine>>,
    done: Receiver<()>,
    shared: Arc<RecorderShared>,
}

#[derive(Debug)]
struct QueuedLine {
    text: String,
    sync: bool,
}

/// What both threads see.
#[derive(Debug, Default)]
struct RecorderShared {
    state: Mutex<RecorderState>,
    lost: AtomicU64,
    stopping: AtomicBool,
    /// Guards nothing but the sleep between two tries.
    sleep: Mutex<()>,
    wake: Condvar,
}

impl Recorder {
    /// Starts recording. Never fails: trouble shows in [`Recorder::state`] and is retried.
    pub fn start(settings: RecorderSettings) -> Self {
        let (lines, incoming) = mpsc::sync_channel(settings.queue.max(1));
        let (finished, done) = mpsc::sync_channel(1);
        let shared = Arc::new(RecorderShared::default());
        let writer = RecorderThread {
            file: RecordingFile::new(settings.target, settings.max_bytes, settings.max_files),
            retry: settings.retry,
            shared: Arc::clone(&shared),
        };
        let spawned = thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            writer.run(&incoming);
            let _ = finished.send(());
        });
        if let Err(error) = spawned {
            shared.set(RecorderState::Failing {
                error: format!("cannot start the thread that writes the recording: {error}").into(),
                lost_lines: 0,
            });
        }
        Self { lines: Some(lines), done, shared }
    }

    /// Hands over one line (without line feed); `sync` requests that it reaches the disk itself soon (fsync),
    /// as drops deserve. Never blocks; a line that does not fit into the queue is counted as lost.
    pub fn append(&self, text: String, sync: bool) {
        let sent = self.lines.as_ref().map(|lines| lines.try_send(QueuedLine { text, sync }));
        if matches!(sent, Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the recording is doing.
    pub fn state(&self) -> RecorderState {
        let mut state = self.shared.state().clone();
        if let RecorderState::Failing { lost_lines, .. } = &mut state {
            *lost_lines = self.lost_lines();
        }
        state
    }

    /// Lines lost since the start, also after the recording recovered.
    pub fn lost_lines(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Writes what waits, syncs and ends, waiting at most `limit`. Gives the last state: `Recording` if
    /// every waiting line was written.
    pub fn finish(mut self, limit: Duration) -> RecorderState {
        self.end();
        if matches!(self.done.recv_timeout(limit), Err(RecvTimeoutError::Timeout)) {
            return RecorderState::Failing {
                error: "the disk did not take the rest of the recording in time".into(),
                lost_lines: self.lost_lines(),
            };
        }
        self.state()
    }

    fn end(&mut self) {
        self.lines = None;
        self.shared.stop();
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

impl RecorderShared {
    fn state(&self) -> MutexGuard<'_, RecorderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: RecorderState) {
        *self.state() = state;
    }

    fn stop(&self) {
        let _guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopping.store(true, Ordering::Relaxed);
        self.wake.notify_all();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Sleeps until `pause` is over or the end is near.
    fn sleep(&self, pause: Duration) {
        let guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_stopping() {
            let _ = self.wake.wait_timeout(guard, pause);
        }
    }
}

/// The writing side.
struct RecorderThread {
    file: RecordingFile,
    retry: Duration,
    shared: Arc<RecorderShared>,
}

impl RecorderThread {
    /// Lines written before they are synced although more wait.
    const BATCH: usize = 256;

    fn run(mut self, incoming: &Receiver<QueuedLine>) {
        self.update_state(None);
        loop {
            // Looking at the file now and then notices one that was moved or deleted under us.
            let mut next = match incoming.recv_timeout(self.retry) {
                Ok(line) => Some(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.file.close_if_replaced();
                    continue;
                }
            };
            self.file.close_if_replaced();
            let mut sync = false;
            for _ in 0..Self::BATCH {
                let Some(line) = next.take() else { break };
                sync |= line.sync;
                self.write(&line.text);
                next = incoming.try_recv().ok();
            }
            if let Some(line) = next {
                sync |= line.sync;
                self.write(&line.text);
            }
            if !sync || self.sync() {
                self.update_state(None);
            }
        }
        self.sync();
    }

    /// Writes one line, waiting for as long as that fails; gives it up only at the end of the run.
    fn write(&mut self, line: &str) {
        while let Err(error) = self.file.append(line) {
            self.update_state(Some(error.to_string()));
            if self.shared.is_stopping() {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            self.shared.sleep(self.retry);
        }
    }

    /// Whether everything written is on the disk now.
    fn sync(&mut self) -> bool {
        let synced = self.file.sync();
        let error = synced.err().map(|error| error.to_string());
        let ok = error.is_none();
        if !ok {
            self.update_state(error);
        }
        ok
    }

    /// Publishes the state: `Failing` with a reason, else `Recording` once a file is open.
    fn update_state(&mut self, error: Option<String>) {
        if let Some(error) = error {
            self.shared.set(RecorderState::Failing { error: error.into(), lost_lines: 0 });
        } else if let Some((path, bytes)) = self.file.current() {
            self.shared.set(RecorderState::Recording { path, bytes });
        }
    }
}

#[cfg(test)]
mod tests;
