//! A link whose events a test waits for, with a time limit.

use std::sync::Arc;

use dropscope::diagnostics::event::{Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent, DroppedEvent};
use dropscope::diagnostics::{Event, Stamp, StampedEvent};
use dropscope::mqtt::Link;

use crate::loopback::wait_for_event;

/// A link and its events.
pub(crate) struct WatchedLink {
    pub(crate) link: Link,
    observed: Vec<StampedEvent>,
}

impl WatchedLink {
    /// Starts to connect.
    pub(crate) fn new(mut link: Link) -> Self {
        link.connect();
        Self { link, observed: Vec::new() }
    }

    /// Drives the link until `find` returns something.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        find: impl FnMut(&StampedEvent) -> Option<T>,
    ) -> Result<T, String> {
        wait_for_event(&mut self.link, &mut self.observed, what, find).await
    }

    /// The next session.
    pub(crate) async fn connected(&mut self, kind: ConnectKind) -> Result<ConnectedEvent, String> {
        let connected = self
            .until("a session", |observed| match &observed.event {
                Event::Connected(connected) => Some(connected.clone()),
                _ => None,
            })
            .await?;
        self.until("a SUBACK", |observed| matches!(observed.event, Event::Subscribed { .. }).then_some(()))
            .await?;
        let is_right = connected.event_type == kind;
        if is_right { Ok(connected) } else { Err(format!("expected {kind:?}, actual {connected:?}")) }
    }

    /// The next drop and when it was noticed.
    pub(crate) async fn dropped(&mut self) -> Result<(DroppedEvent, Stamp), String> {
        self.until("a drop", |observed| match &observed.event {
            Event::Dropped(dropped) => Some((dropped.clone(), observed.at)),
            _ => None,
        })
        .await
    }

    /// The next failed connect, with its phases.
    pub(crate) async fn connect_failed(&mut self) -> Result<(ConnectFailedEvent, Attempt), String> {
        let mut last = None;
        self.until("a failed connect", |observed| match &observed.event {
            Event::Attempt(attempt) => {
                last = Some(attempt.clone());
                None
            }
            Event::ConnectFailed(failed) => Some((failed.clone(), last.clone().unwrap())),
            _ => None,
        })
        .await
    }

    /// The number of events of a kind so far.
    pub(crate) fn count(&self, is_it: impl Fn(&Event) -> bool) -> usize {
        self.observed.iter().filter(|observed| is_it(&observed.event)).count()
    }
}

/// Runs all cases at once and reports every one that failed.
pub(crate) async fn run_all<C, F, Fut>(cases: Vec<C>, run: F)
where
    C: std::fmt::Display + Clone + Send + Sync + 'static,
    F: Fn(C) -> Fut,
    Fut: Future<Output = Result<(), String>> + Send + 'static,
{
    assert!(!cases.is_empty());
    let permits = Arc::new(tokio::sync::Semaphore::new(64));
    let mut running = tokio::task::JoinSet::new();
    for case in cases {
        let (name, result, crowd) = (case.to_string(), run(case), Arc::clone(&permits));
        running.spawn(async move {
            let _place = crowd.acquire_owned().await;
            result.await.map_err(|error| format!("{name}: {error}"))
        });
    }
    let outcomes = running.join_all().await;
    let failures: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
}
