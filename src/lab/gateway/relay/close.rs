//! The close of both sides of a connection.

use std::future::poll_fn;
use std::time::Duration;

use tokio::time::Instant;

use super::{Relay, RelayEnd, RelayState};
use crate::lab::gateway::session_fault::PacketDirection;
use crate::lab::transport::{CloseMode, PipeEvent};

/// How long the last packets may take to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

impl Relay {
    /// Closes both sides.
    pub(super) async fn close(mut self, end: RelayEnd) {
        if self.phase != RelayState::Open {
            return self.keep_server_open(end).await;
        }
        let to_server = &mut self.forwarders[PacketDirection::ToServer as usize];
        let (client_mode, server_mode) = match end {
            RelayEnd::Close(CloseMode::Abort) => (CloseMode::Abort, CloseMode::Abort),
            RelayEnd::Close(mode) => {
                let _ = self.client.flush(FLUSH_LIMIT).await;
                (mode, CloseMode::BareFin)
            }
            RelayEnd::ClientGone { is_reset } => {
                if let Some(server) = &mut self.server {
                    to_server.forward(Instant::now(), &self.client.read_buffer, &mut server.write_buffer);
                }
                if is_reset {
                    (CloseMode::Reset, CloseMode::Reset)
                } else {
                    (CloseMode::Graceful, CloseMode::BareFin)
                }
            }
        };
        let close_server = async {
            if let Some(mut server) = self.server {
                to_server.delay_line.drain(&mut server.write_buffer);
                let _ = server.flush(FLUSH_LIMIT).await;
                server.close(server_mode).await;
            }
        };
        tokio::join!(self.client.close(client_mode), close_server);
    }

    /// In a black hole the server does not notice the close of the client: its side stays open until the server
    /// closes it.
    async fn keep_server_open(self, end: RelayEnd) {
        let Self { state, client, server, .. } = self;
        let is_stopping = matches!(end, RelayEnd::Close(CloseMode::Abort));
        client
            .close(if matches!(end, RelayEnd::Close(CloseMode::Reset)) {
                CloseMode::Reset
            } else {
                CloseMode::Abort
            })
            .await;
        let Some(mut server) = server.filter(|_| !is_stopping) else { return };
        let server_closed = async {
            while matches!(
                poll_fn(|cx| server.poll_drive(cx, true)).await,
                Ok(PipeEvent::Read | PipeEvent::Writable)
            ) {
                server.read_buffer.clear();
            }
        };
        tokio::select! {
            () = state.shutdown.cancelled() => {}
            () = server_closed => {}
        }
    }
}
