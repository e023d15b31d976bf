//! The pipeline of every event: mask names, record, fold, send to the readers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use crate::diagnostics::recording::{self, RecorderState};
use crate::diagnostics::{Event, NameMask, Stamp, StampedEvent};
use crate::export::{Recorder, RecorderSettings};
use crate::report_writer::LostCounts;
use crate::state::EventFold;

/// Events a slow reader may lag behind before it loses the oldest (and is notified of the number).
const EVENTS: usize = 4_096;

/// Records, folds and broadcasts events. Waits for neither the disk nor a reader; losses are counted.
#[derive(Debug)]
pub(super) struct EventPipeline {
    fold: EventFold,
    recorder: Option<Recorder>,
    readers: broadcast::Sender<Arc<StampedEvent>>,
    name_mask: NameMask,
    lost_events: u64,
}

impl EventPipeline {
    /// The pipeline and the reader of all its events.
    pub(super) fn new(
        max_events: usize,
        recorder: Option<RecorderSettings>,
        name_mask: NameMask,
    ) -> (Self, broadcast::Receiver<Arc<StampedEvent>>) {
        let (readers, first_reader) = broadcast::channel(EVENTS);
        let recorder = recorder.map(Recorder::start);
        let pipeline =
            Self { fold: EventFold::new(max_events), recorder, readers, name_mask, lost_events: 0 };
        (pipeline, first_reader)
    }

    /// The sender of events, to subscribe to.
    pub(super) fn readers(&self) -> broadcast::Sender<Arc<StampedEvent>> {
        self.readers.clone()
    }

    /// Records the event, folds it and sends it to the readers. The order matters: what is on screen is on disk (or
    /// counted as lost).
    pub(super) fn push(&mut self, mut observed: StampedEvent) {
        self.name_mask.apply(&mut observed.event);
        if let Some(recorder) = &self.recorder {
            let sync = matches!(observed.event, Event::Dropped(_) | Event::Stopped { .. });
            recorder.append(recording::encode(&observed), sync);
        }
        self.fold.apply(observed.at, &observed.event);
        tracing::debug!(event = ?observed.event, "observed");
        if self.readers.len() >= EVENTS {
            // The slowest reader is about to lose its oldest event; the channel notifies it.
            self.lost_events += 1;
        }
        // An error means that there is no reader, which is no loss.
        let _ = self.readers.send(Arc::new(observed));
    }

    /// The folded events.
    pub(super) fn fold(&mut self) -> &mut EventFold {
        &mut self.fold
    }

    /// The field time of a moment of the clocks that stamp the events.
    pub(super) fn field_time(&self, at: Stamp) -> Stamp {
        self.fold.field_time(at)
    }

    /// The state of the recorder; `None` without one, and after [`EventPipeline::finish_recording`].
    pub(super) fn recorder_state(&self) -> Option<RecorderState> {
        self.recorder.as_ref().map(Recorder::state)
    }

    /// Events and recording lines lost so far.
    pub(super) fn lost_counts(&self) -> LostCounts {
        LostCounts {
            events: self.lost_events,
            recording_lines: self.recorder.as_ref().map_or(0, Recorder::lost_lines),
        }
    }

    /// Writes the rest of the recording, for at most `limit`; `None` without a recorder.
    pub(super) fn finish_recording(&mut self, limit: Duration) -> Option<RecorderState> {
        self.recorder.take().map(|recorder| recorder.finish(limit))
    }
}
