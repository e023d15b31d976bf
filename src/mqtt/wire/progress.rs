//! The present phase of a connect, for the status.

use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostics::Stamp;
use crate::diagnostics::event::Phase;

/// A cell that the connect attempt writes and the status reads; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    current: Arc<Mutex<Option<(Phase, Stamp)>>>,
}

impl Progress {
    /// A cell in no phase.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that `phase` began at `since`.
    pub fn enter(&self, phase: Phase, since: Stamp) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((phase, since));
    }

    /// Notes that no connect is under way.
    pub fn clear(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The phase entered last and when; `None` before the first and after [`Progress::clear`].
    pub fn current(&self) -> Option<(Phase, Stamp)> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
