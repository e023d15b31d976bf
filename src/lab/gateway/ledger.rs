//! What did the gateway do, and when? The truth that a diagnosis is measured against.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::ailment::AilmentId;
use crate::lab::broker::lock;

/// Strikes kept; later ones are only counted.
const LONGEST_LOG: usize = 100_000;

/// One act of an ailment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Strike {
    /// Real time since the gateway started.
    pub at: Duration,
    /// Which ailment it was.
    pub ailment: AilmentId,
    /// Number of the connection, counted from 1; `None` for what concerns all to come.
    pub connection: Option<u64>,
    /// What was done, in plain words; the same for the same act.
    pub what: String,
}

/// What went through the gateway so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Connections accepted.
    pub accepted: u64,
    /// Sessions begun: CONNACKs that let a client in.
    pub sessions: u64,
    /// MQTT packets that came from clients.
    pub packets_to_server: u64,
    /// MQTT packets that came from the server.
    pub packets_to_client: u64,
    /// Bytes that came from clients, above TLS and WebSocket.
    pub bytes_to_server: u64,
    /// Bytes that came from the server.
    pub bytes_to_client: u64,
    /// Packets that an ailment let vanish while it let others pass.
    pub swallowed: u64,
    /// Packets that were lost on the way and had to be sent again.
    pub retransmitted: u64,
    /// Second clients that came with a client's id.
    pub intrusions: u64,
    /// Strikes, also those that did not fit into the log.
    pub strikes: u64,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// Returns the new number.
    pub(super) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed) + more
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where all connections of a gateway write down what happens.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) accepted: Count,
    pub(super) sessions: Count,
    pub(super) packets: [Count; 2],
    pub(super) bytes: [Count; 2],
    pub(super) swallowed: Count,
    pub(super) retransmitted: Count,
    pub(super) intrusions: Count,
    strikes: Mutex<Vec<Strike>>,
    struck: watch::Sender<u64>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            accepted: Count::default(),
            sessions: Count::default(),
            packets: Default::default(),
            bytes: Default::default(),
            swallowed: Count::default(),
            retransmitted: Count::default(),
            intrusions: Count::default(),
            strikes: Mutex::default(),
            struck: watch::Sender::new(0),
        }
    }

    pub(super) fn strike(&self, strike: Strike) {
        {
            let mut strikes = lock(&self.strikes);
            if strikes.len() < LONGEST_LOG {
                strikes.push(strike);
            }
        }
        self.struck.send_modify(|count| *count += 1);
    }

    pub(super) fn strikes(&self) -> Vec<Strike> {
        lock(&self.strikes).clone()
    }

    /// Tells the number of strikes, whenever it changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.struck.subscribe()
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            accepted: self.accepted.get(),
            sessions: self.sessions.get(),
            packets_to_server: self.packets[0].get(),
            packets_to_client: self.packets[1].get(),
            bytes_to_server: self.bytes[0].get(),
            bytes_to_client: self.bytes[1].get(),
            swallowed: self.swallowed.get(),
            retransmitted: self.retransmitted.get(),
            intrusions: self.intrusions.get(),
            strikes: *self.struck.borrow(),
        }
    }
}
