//! The timers of a link: a table of deadlines, and the one tokio timer that wakes the task.
//!
//! [`TimerTable`] is pure: it holds at most one deadline per [`Timer`]. [`WakeTimer`] is the only
//! `tokio::time::Sleep` of a link and follows the earliest deadline of the table. Deadlines are on tokio's
//! clock, so that tests with paused time control them.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The things a link does at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next connect attempt starts.
    Connect,
    /// The session is renewed before a known limit ends it.
    PlannedReconnect,
    /// The time for a clean disconnect is over; the transport is closed.
    Close,
    /// The oldest queued publish expires.
    PublishExpiry,
    /// The PINGRESP is overdue.
    PingResponse,
    /// The session compares the boot clock with its own deadlines (PINGREQ, traffic window).
    SessionCheck,
}

/// Number of variants of [`Timer`].
const TIMERS: usize = Timer::SessionCheck as usize + 1;

/// The deadline of each timer that is set.
#[derive(Debug, Default)]
pub(super) struct TimerTable {
    deadlines: [Option<Instant>; TIMERS],
}

impl TimerTable {
    /// Sets `timer` to expire `delay` after `now`. A deadline beyond the range of the clock never expires.
    pub(super) fn set(&mut self, timer: Timer, now: Instant, delay: Duration) {
        self.deadlines[timer as usize] = now.checked_add(delay);
    }

    /// [`TimerTable::set`] with a delay, [`TimerTable::stop`] without one.
    pub(super) fn set_or_stop(&mut self, timer: Timer, now: Instant, delay: Option<Duration>) {
        self.deadlines[timer as usize] = delay.and_then(|delay| now.checked_add(delay));
    }

    /// Stops `timer`; an expired one stays expired until it is stopped or set again.
    pub(super) fn stop(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = None;
    }

    /// Stops every timer but [`Timer::PublishExpiry`], which belongs to the queue and not to a connection.
    pub(super) fn stop_connection_timers(&mut self) {
        let publish_expiry = self.deadlines[Timer::PublishExpiry as usize];
        *self = Self::default();
        self.deadlines[Timer::PublishExpiry as usize] = publish_expiry;
    }

    /// Whether `timer` is set and its deadline is reached at `now`.
    pub(super) fn is_expired(&self, timer: Timer, now: Instant) -> bool {
        self.deadlines[timer as usize].is_some_and(|deadline| deadline <= now)
    }

    /// [`TimerTable::is_expired`] at this moment; reads the clock only if the timer is set.
    pub(super) fn is_due(&self, timer: Timer) -> bool {
        self.deadlines[timer as usize].is_some() && self.is_expired(timer, Instant::now())
    }

    /// The earliest deadline.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }
}

/// The tokio timer behind a [`TimerTable`].
#[derive(Debug, Default)]
pub(super) struct WakeTimer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl WakeTimer {
    /// Has the task of `cx` woken at `deadline` or earlier.
    ///
    /// A sleep that ends before `deadline` is kept: one poll too many is cheaper than moving the sleep at
    /// every packet.
    pub(super) fn wake_at(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.is_elapsed() || sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        if sleep.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn next_timeout_is_the_earliest_deadline_that_is_set() {
        let now = Instant::now();
        let mut timers = TimerTable::default();
        assert_eq!(timers.next_timeout(), None);
        timers.set(Timer::Connect, now, 3 * SECOND);
        timers.set(Timer::PublishExpiry, now, 2 * SECOND);
        assert_eq!(timers.next_timeout(), Some(now + 2 * SECOND));
        timers.stop(Timer::PublishExpiry);
        assert_eq!(timers.next_timeout(), Some(now + 3 * SECOND));
        timers.set(Timer::Connect, now, Duration::MAX);
        assert_eq!(timers.next_timeout(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_is_expired_from_its_deadline_until_it_is_stopped() {
        let now = Instant::now();
        let mut timers = TimerTable::default();
        timers.set(Timer::PingResponse, now, SECOND);
        assert!(!timers.is_expired(Timer::PingResponse, now + SECOND / 2));
        assert!(timers.is_expired(Timer::PingResponse, now + SECOND));
        assert!(timers.is_expired(Timer::PingResponse, now + 2 * SECOND));
        assert!(!timers.is_expired(Timer::Close, now + 2 * SECOND));
        timers.stop(Timer::PingResponse);
        assert!(!timers.is_expired(Timer::PingResponse, now + 2 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_of_the_queue_survives_a_change_of_the_connection() {
        let now = Instant::now();
        let mut timers = TimerTable::default();
        for timer in [Timer::Connect, Timer::PlannedReconnect, Timer::Close, Timer::PublishExpiry] {
            timers.set(timer, now, SECOND);
        }
        timers.set(Timer::PingResponse, now, SECOND);
        timers.set(Timer::SessionCheck, now, SECOND);
        timers.stop_connection_timers();
        assert!(timers.is_expired(Timer::PublishExpiry, now + SECOND));
        timers.stop(Timer::PublishExpiry);
        assert_eq!(timers.next_timeout(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_is_woken_when_a_deadline_moves_forward_or_back() {
        let start = Instant::now();
        let mut wake_timer = WakeTimer::default();
        for (step, deadline) in [5, 7, 9].map(|secs| start + secs * SECOND).into_iter().enumerate() {
            poll_fn(|cx| {
                if Instant::now() >= deadline {
                    return Poll::Ready(());
                }
                // First a deadline that is too late, then the right one.
                wake_timer.wake_at(cx, Some(deadline + 60 * SECOND));
                wake_timer.wake_at(cx, Some(deadline));
                Poll::Pending
            })
            .await;
            assert_eq!(Instant::now(), deadline, "step {step}");
        }
    }
}
