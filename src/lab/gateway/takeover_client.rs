//! The second client that takes over a client id.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::state::GatewayState;
use crate::lab::transport::{Pipe, PipeEvent};

/// Pings per keep-alive; enough to prevent a keep-alive timeout at the server.
const PINGS_PER_KEEP_ALIVE: f64 = 2.0;

/// A well-behaved client with a connection of its own to the server.
pub(super) struct TakeoverClient {
    /// The CONNECT of the client that it replaces, unchanged.
    pub(super) connect: Bytes,
    /// The keep-alive of that CONNECT.
    pub(super) keep_alive_secs: u16,
    /// Cancelled when the fault is disarmed.
    pub(super) disarmed: CancellationToken,
}

impl TakeoverClient {
    /// Connects, and stays until it is taken over, the fault is disarmed, or the gateway stops.
    pub(super) fn spawn(self, state: &Arc<GatewayState>, task: mpsc::Sender<()>) {
        state.metrics.takeovers.add(1);
        let state = Arc::clone(state);
        tokio::spawn(async move {
            let _task = task;
            let disarmed = self.disarmed.clone();
            tokio::select! {
                () = disarmed.cancelled() => {}
                () = self.hold_session(&state) => {}
            }
        });
    }

    async fn hold_session(self, state: &GatewayState) {
        let Ok(stream) = state.upstream.connect().await else { return };
        let mut pipe = Pipe::new(stream);
        pipe.write_buffer.extend_from_slice(&self.connect);
        let secs = f64::from(self.keep_alive_secs.max(1)) / PINGS_PER_KEEP_ALIVE;
        let mut pings = interval(Duration::from_secs_f64(secs));
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once; the CONNECT takes its place.
        pings.tick().await;
        loop {
            tokio::select! {
                _ = pings.tick(), if self.keep_alive_secs > 0 => pipe.write_buffer.extend_from_slice(&[0xC0, 0]),
                event = poll_fn(|cx| pipe.poll_drive(cx, true)) => match event {
                    Ok(PipeEvent::Read | PipeEvent::Writable) => pipe.read_buffer.clear(),
                    Ok(PipeEvent::Eof) | Err(_) => return,
                },
            }
        }
    }
}
