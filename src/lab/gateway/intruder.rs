//! What does the second client do that has taken somebody's client id?

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::gate::Shared;
use crate::lab::pipe::{Pipe, Turn};

/// Pings per keep-alive. Enough that the server never has to cut.
const PINGS: f64 = 2.0;

/// A client that behaves well, on another way to the server.
pub(super) struct Intruder {
    /// The CONNECT of the client whose place it takes, as it was.
    pub(super) connect: Bytes,
    /// Of that CONNECT.
    pub(super) keep_alive_secs: u16,
    /// When to go.
    pub(super) disarmed: CancellationToken,
}

impl Intruder {
    /// Comes, and stays until it is taken over, disarmed, or the gateway stops.
    pub(super) fn spawn(self, shared: &Arc<Shared>, task: mpsc::Sender<()>) {
        shared.ledger.intrusions.add(1);
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let _task = task;
            let disarmed = self.disarmed.clone();
            tokio::select! {
                () = disarmed.cancelled() => {}
                () = self.stay(&shared) => {}
            }
        });
    }

    async fn stay(self, shared: &Shared) {
        let Ok(stream) = shared.connect_upstream().await else { return };
        let mut pipe = Pipe::new(stream);
        pipe.out.extend_from_slice(&self.connect);
        let secs = f64::from(self.keep_alive_secs.max(1)) / PINGS;
        let mut pings = interval(Duration::from_secs_f64(secs));
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and the CONNECT is enough for that.
        pings.tick().await;
        loop {
            tokio::select! {
                _ = pings.tick(), if self.keep_alive_secs > 0 => pipe.out.extend_from_slice(&[0xC0, 0]),
                turn = poll_fn(|cx| pipe.poll_turn(cx, true)) => match turn {
                    Ok(Turn::Read | Turn::Room) => pipe.inbox.clear(),
                    Ok(Turn::Ended) | Err(_) => return,
                },
            }
        }
    }
}
