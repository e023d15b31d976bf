//! How do the server or the way to it vanish for a while, and come back?

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::ailment::{AilmentId, Manner, OutageManner};
use super::blow::Blow;
use super::gate::Shared;
use crate::lab::listener::Listener;

/// The listeners, and how many outages keep them closed.
#[derive(Default)]
pub(super) struct Ports {
    listeners: Vec<Listener>,
    closed_by: usize,
    is_over: bool,
}

impl Ports {
    /// Adds a listener, closed if there is an outage.
    pub(super) fn add(
        &mut self,
        mut listener: Listener,
        shared: &Arc<Shared>,
        tasks: &mpsc::Sender<()>,
    ) -> io::Result<()> {
        if self.closed_by == 0 {
            listener.open(shared, tasks)?;
        }
        self.listeners.push(listener);
        Ok(())
    }

    /// Gives all ports back for good.
    pub(super) fn clear(&mut self) {
        self.listeners.clear();
        self.is_over = true;
    }

    pub(super) fn are_closed(&self) -> bool {
        self.closed_by > 0
    }

    /// Refuses connects until as many calls of `open` followed.
    async fn close(&mut self) -> io::Result<()> {
        self.closed_by += 1;
        let mut result = Ok(());
        for listener in &mut self.listeners {
            result = result.and(listener.close().await);
        }
        result
    }

    fn open(&mut self, shared: &Arc<Shared>, tasks: &mpsc::Sender<()>) -> io::Result<()> {
        self.closed_by = self.closed_by.saturating_sub(1);
        if self.closed_by > 0 || self.is_over {
            return Ok(());
        }
        let mut result = Ok(());
        for listener in &mut self.listeners {
            result = result.and(listener.open(shared, tasks));
        }
        result
    }
}

impl Shared {
    pub(super) async fn begin_outage(&self, ailment: AilmentId, manner: OutageManner) {
        let (what, farewell) = match manner {
            OutageManner::Refuse => ("outage begins: connects refused", Some(Manner::Fin)),
            OutageManner::BlackHole => ("outage begins: nothing passes", None),
            OutageManner::Dns => ("outage begins: the name does not resolve", Some(Manner::Reset)),
        };
        self.log(ailment, None, what);
        match manner {
            OutageManner::BlackHole => self.blackouts.send_modify(|count| *count += 1),
            OutageManner::Dns => self.unresolved.send_modify(|count| *count += 1),
            OutageManner::Refuse => {}
        }
        let Some(farewell) = farewell else { return };
        // The ports first: who is quick to come back must find them closed.
        let mut ports = self.ports.lock().await;
        let closed = ports.close().await;
        if self.shutdown.is_cancelled() {
            ports.clear();
        }
        drop(ports);
        self.note(ailment, closed);
        self.strike_all(ailment, Blow::End(farewell));
    }

    pub(super) async fn end_outage(
        self: &Arc<Self>,
        ailment: AilmentId,
        manner: OutageManner,
        tasks: &mpsc::Sender<()>,
    ) {
        match manner {
            OutageManner::BlackHole => self.blackouts.send_modify(|count| *count = count.saturating_sub(1)),
            OutageManner::Dns => self.unresolved.send_modify(|count| *count = count.saturating_sub(1)),
            OutageManner::Refuse => {}
        }
        if self.shutdown.is_cancelled() {
            self.ports.lock().await.clear();
            return;
        }
        if manner != OutageManner::BlackHole {
            let opened = self.ports.lock().await.open(self, tasks);
            self.note(ailment, opened);
        }
        self.log(ailment, None, "outage ends");
    }

    /// A port that could not be taken again stays closed; the log says so.
    fn note(&self, ailment: AilmentId, result: io::Result<()>) {
        if let Err(error) = result {
            self.log(ailment, None, format!("a port is lost: {error}"));
        }
    }
}
