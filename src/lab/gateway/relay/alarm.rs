//! When does something happen that nobody sends?

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set again as seldom as possible.
pub(super) struct Alarm {
    timer: Pin<Box<Sleep>>,
    set_to: Option<Instant>,
}

impl Alarm {
    /// Not set.
    pub(super) fn new() -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now())), set_to: None }
    }

    /// Makes sure it goes off at `due` or earlier.
    pub(super) fn set(&mut self, due: Option<Instant>) {
        let Some(due) = due else { return };
        if self.set_to.is_none_or(|set_to| due < set_to) {
            self.timer.as_mut().reset(due);
            self.set_to = Some(due);
        }
    }

    /// Waits until it goes off; for ever if it is not set.
    pub(super) async fn ring(&mut self) {
        poll_fn(|cx| match self.set_to {
            Some(_) => self.timer.as_mut().poll(cx),
            None => Poll::Pending,
        })
        .await;
        self.set_to = None;
    }
}
