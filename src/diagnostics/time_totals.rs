//! Sums of time: connected, down, planned, and per keep-alive value.

use std::time::Duration;

use super::{KeepAliveArm, LinkState, Metrics};

/// Most keep-alive values with sums of their own; users try a handful.
const MAX_ARMS: usize = 64;

/// Running sums of time. Every instant since the start is in exactly one of connected and down.
#[derive(Debug, Clone, Default)]
pub(super) struct TimeTotals {
    connected: Duration,
    down: Duration,
    planned_down: Duration,
    first_connect: Duration,
    /// Whether the run has had no session yet.
    is_before_first_session: bool,
    arms: Vec<KeepAliveArm>,
    current: Option<usize>,
}

impl TimeTotals {
    /// Adds `elapsed` to the sums of the state it was spent in.
    pub(super) fn add_elapsed(&mut self, elapsed: Duration, link: &LinkState) {
        match link {
            LinkState::Connected { .. } => {
                self.connected += elapsed;
                if let Some(arm) = self.current.and_then(|index| self.arms.get_mut(index)) {
                    arm.connected += elapsed;
                }
            }
            LinkState::Off { .. } => {
                self.down += elapsed;
                self.planned_down += elapsed;
            }
            // The first connect takes its time; nothing is broken before an attempt has failed.
            LinkState::Connecting { failures: 0, .. } if self.is_before_first_session => {
                self.down += elapsed;
                self.first_connect += elapsed;
            }
            LinkState::Idle | LinkState::Connecting { .. } | LinkState::Down { .. } => self.down += elapsed,
        }
    }

    /// A run begins.
    pub(super) fn begin_run(&mut self) {
        self.is_before_first_session = true;
    }

    /// A session was accepted under this keep-alive.
    pub(super) fn begin_session(&mut self, keep_alive_secs: u32) {
        self.is_before_first_session = false;
        self.current = self.arm_index(keep_alive_secs);
        if let Some(arm) = self.current.and_then(|index| self.arms.get_mut(index)) {
            arm.sessions += 1;
        }
    }

    /// A session was lost under this keep-alive.
    pub(super) fn count_drop(&mut self, keep_alive_secs: u32) {
        let index = self.current.or_else(|| self.arm_index(keep_alive_secs));
        if let Some(arm) = index.and_then(|index| self.arms.get_mut(index)) {
            arm.drops += 1;
        }
    }

    pub(super) fn arms(&self) -> &[KeepAliveArm] {
        &self.arms
    }

    pub(super) fn write_to(&self, metrics: &mut Metrics) {
        metrics.connected = self.connected;
        metrics.down = self.down;
        metrics.planned_down = self.planned_down;
        metrics.first_connect = self.first_connect;
        metrics.observed = self.connected + self.down;
    }

    fn arm_index(&mut self, keep_alive_secs: u32) -> Option<usize> {
        if let Some(index) = self.arms.iter().position(|arm| arm.keep_alive_secs == keep_alive_secs) {
            return Some(index);
        }
        if self.arms.len() >= MAX_ARMS {
            return None;
        }
        self.arms.push(KeepAliveArm { keep_alive_secs, connected: Duration::ZERO, sessions: 0, drops: 0 });
        Some(self.arms.len() - 1)
    }
}
