//! The listening ports of a gateway, which outages close.

use std::io;

use tokio::sync::mpsc;

use crate::lab::transport::{ConnectionHandler, LoopbackListener};

/// The listeners, and the number of outages that keep them closed.
#[derive(Default)]
pub(super) struct Ports {
    listeners: Vec<LoopbackListener>,
    outages: usize,
    is_stopped: bool,
}

impl Ports {
    /// Adds a listener, closed if there is an outage.
    pub(super) fn add(
        &mut self,
        mut listener: LoopbackListener,
        handler: &impl ConnectionHandler,
        tasks: &mpsc::Sender<()>,
    ) -> io::Result<()> {
        if self.outages == 0 {
            listener.open(handler, tasks)?;
        }
        self.listeners.push(listener);
        Ok(())
    }

    /// Frees all ports for good.
    pub(super) fn clear(&mut self) {
        self.listeners.clear();
        self.is_stopped = true;
    }

    pub(super) fn are_closed(&self) -> bool {
        self.outages > 0
    }

    /// Refuses connects until `open` was called as often.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.outages += 1;
        let mut result = Ok(());
        for listener in &mut self.listeners {
            result = result.and(listener.close().await);
        }
        result
    }

    /// Ends one outage and accepts connections again after the last one.
    pub(super) fn open(
        &mut self,
        handler: &impl ConnectionHandler,
        tasks: &mpsc::Sender<()>,
    ) -> io::Result<()> {
        self.outages = self.outages.saturating_sub(1);
        if self.outages > 0 || self.is_stopped {
            return Ok(());
        }
        let mut result = Ok(());
        for listener in &mut self.listeners {
            result = result.and(listener.open(handler, tasks));
        }
        result
    }
}
