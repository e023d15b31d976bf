//! Short messages to the user.

use std::sync::Arc;

use crate::diagnostics::Stamp;

/// A short message to the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// When, on this computer's clocks.
    pub at: Stamp,
    /// Success, information or failure.
    pub kind: NoticeKind,
    /// One sentence, free of control characters.
    pub text: Arc<str>,
}

/// The outcome that a notice reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Done.
    Good,
    /// For information.
    Info,
    /// Did not work.
    Bad,
}

/// The newest notices, oldest first. Bounded: the oldest makes space for the newest.
#[derive(Debug, Clone, Default)]
pub struct NoticeLog(Vec<Notice>);

impl NoticeLog {
    /// The most notices retained.
    pub const CAPACITY: usize = 8;

    /// Adds a notice.
    pub fn push(&mut self, at: Stamp, kind: NoticeKind, text: String) {
        if self.0.len() >= Self::CAPACITY {
            self.0.remove(0);
        }
        self.0.push(Notice { at, kind, text: text.into() });
    }

    /// The notices, oldest first.
    pub fn as_slice(&self) -> &[Notice] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_log_retains_the_newest_notices() {
        let at = Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO);
        let mut log = NoticeLog::default();
        for number in 0..NoticeLog::CAPACITY + 3 {
            log.push(at, NoticeKind::Info, number.to_string());
        }
        let texts: Vec<&str> = log.as_slice().iter().map(|notice| &*notice.text).collect();
        assert_eq!(texts, ["3", "4", "5", "6", "7", "8", "9", "10"]);
    }
}
