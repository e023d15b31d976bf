//! The timer for actions without a packet.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is reset as rarely as possible.
pub(super) struct WakeupTimer {
    timer: Pin<Box<Sleep>>,
    deadline: Option<Instant>,
}

impl WakeupTimer {
    /// Not set.
    pub(super) fn new() -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now())), deadline: None }
    }

    /// Makes the timer fire at `due` or earlier.
    pub(super) fn set(&mut self, due: Option<Instant>) {
        let Some(due) = due else { return };
        if self.deadline.is_none_or(|deadline| due < deadline) {
            self.timer.as_mut().reset(due);
            self.deadline = Some(due);
        }
    }

    /// Waits until the timer fires; forever if it is not set.
    pub(super) async fn wait(&mut self) {
        poll_fn(|cx| match self.deadline {
            Some(_) => self.timer.as_mut().poll(cx),
            None => Poll::Pending,
        })
        .await;
        self.deadline = None;
    }
}
