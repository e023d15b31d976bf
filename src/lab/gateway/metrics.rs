//! The log of injected faults and the counters: the ground truth for a diagnosis.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::path_fault::PathFaultId;
use crate::lab::sync::lock;

/// Injections kept; later ones are only counted.
const MAX_INJECTIONS: usize = 100_000;

/// One action of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultInjection {
    /// Real time since the gateway started.
    pub at: Duration,
    /// The fault that acted.
    #[serde(rename = "ailment")]
    pub fault_id: PathFaultId,
    /// Number of the connection, counted from 1; `None` for an action on all future connections.
    pub connection: Option<u64>,
    /// The action in plain words; the same words for the same action.
    #[serde(rename = "what")]
    pub description: String,
}

/// Counters of the gateway since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GatewayCounters {
    /// Connections accepted.
    pub accepted: u64,
    /// Sessions begun: CONNACKs that accept a client.
    pub sessions: u64,
    /// MQTT packets received from clients.
    pub packets_to_server: u64,
    /// MQTT packets received from the server.
    pub packets_to_client: u64,
    /// Bytes received from clients, above TLS and WebSocket.
    pub bytes_to_server: u64,
    /// Bytes received from the server.
    pub bytes_to_client: u64,
    /// Packets that a fault dropped while others passed.
    pub swallowed: u64,
    /// Packets that were lost on the path and sent again.
    pub retransmitted: u64,
    /// Second clients that connected with the client id of another.
    #[serde(rename = "intrusions")]
    pub takeovers: u64,
    /// Injections, including those that did not fit into the log.
    #[serde(rename = "strikes")]
    pub injections: u64,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Returns the new number.
    pub(super) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed) + more
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters and the log of one gateway, written by all its connections.
#[derive(Debug)]
pub(super) struct GatewayMetrics {
    pub(super) accepted: Counter,
    pub(super) sessions: Counter,
    pub(super) packets: [Counter; 2],
    pub(super) bytes: [Counter; 2],
    pub(super) swallowed: Counter,
    pub(super) retransmitted: Counter,
    pub(super) takeovers: Counter,
    injections: Mutex<Vec<FaultInjection>>,
    injection_count: watch::Sender<u64>,
}

impl GatewayMetrics {
    pub(super) fn new() -> Self {
        Self {
            accepted: Counter::default(),
            sessions: Counter::default(),
            packets: Default::default(),
            bytes: Default::default(),
            swallowed: Counter::default(),
            retransmitted: Counter::default(),
            takeovers: Counter::default(),
            injections: Mutex::default(),
            injection_count: watch::Sender::new(0),
        }
    }

    pub(super) fn record_injection(&self, injection: FaultInjection) {
        {
            let mut injections = lock(&self.injections);
            if injections.len() < MAX_INJECTIONS {
                injections.push(injection);
            }
        }
        self.injection_count.send_modify(|count| *count += 1);
    }

    pub(super) fn injections(&self) -> Vec<FaultInjection> {
        lock(&self.injections).clone()
    }

    /// The number of injections and every change of it.
    pub(super) fn watch_injections(&self) -> watch::Receiver<u64> {
        self.injection_count.subscribe()
    }

    pub(super) fn counters(&self) -> GatewayCounters {
        GatewayCounters {
            accepted: self.accepted.get(),
            sessions: self.sessions.get(),
            packets_to_server: self.packets[0].get(),
            packets_to_client: self.packets[1].get(),
            bytes_to_server: self.bytes[0].get(),
            bytes_to_client: self.bytes[1].get(),
            swallowed: self.swallowed.get(),
            retransmitted: self.retransmitted.get(),
            takeovers: self.takeovers.get(),
            injections: *self.injection_count.borrow(),
        }
    }
}
