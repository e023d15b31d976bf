//! What does the second client do that has taken somebody's client id?

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::server::GatewayState;
use crate::lab::pipe::{Pipe, PipeEvent};

/// Pings per keep-alive. Enough that the server never has to cut.
const PINGS_PER_KEEP_ALIVE: f64 = 2.0;

/// A client that behaves well, on another way to the server.
pub(super) struct TakeoverClient {
    /// The CONNECT of the client whose place it takes, as it was.
    pub(super) connect: Bytes,
    /// Of that CONNECT.
    pub(super) keep_alive_secs: u16,
    /// When to go.
    pub(super) disarmed: CancellationToken,
}

impl TakeoverClient {
    /// Comes, and stays until it is taken over, disarmed, or the gateway stops.
    pub(super) fn spawn(self, shared: &Arc<GatewayState>, task: mpsc::Sender<()>) {
        shared.metrics.takeovers.add(1);
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let _task = task;
            let disarmed = self.disarmed.clone();
            tokio::select! {
                () = disarmed.cancelled() => {}
                () = self.hold_session(&shared) => {}
            }
        });
    }

    async fn hold_session(self, shared: &GatewayState) {
        let Ok(stream) = shared.connect_upstream().await else { return };
        let mut pipe = Pipe::new(stream);
        pipe.write_buffer.extend_from_slice(&self.connect);
        let secs = f64::from(self.keep_alive_secs.max(1)) / PINGS_PER_KEEP_ALIVE;
        let mut pings = interval(Duration::from_secs_f64(secs));
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and the CONNECT is enough for that.
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
