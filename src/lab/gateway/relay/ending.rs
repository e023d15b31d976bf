//! How are both sides of a connection closed?

use std::future::poll_fn;
use std::time::Duration;

use tokio::time::Instant;

use super::{Over, Path, Relay};
use crate::lab::gateway::symptom::Way;
use crate::lab::pipe::Turn;
use crate::lab::server_stream::Ending;

/// How long last packets may take to leave.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

impl Relay {
    /// Closes both sides.
    pub(super) async fn end(mut self, over: Over) {
        if self.path != Path::Open {
            return self.fade(over).await;
        }
        let to_server = &mut self.lanes[Way::ToServer as usize];
        let (client_ending, server_ending) = match over {
            Over::End(Ending::Abandon) => (Ending::Abandon, Ending::Abandon),
            Over::End(ending) => {
                let _ = self.client.flush(FLUSH_LIMIT).await;
                (ending, Ending::BareFin)
            }
            Over::ClientGone { is_reset } => {
                if let Some(server) = &mut self.server {
                    to_server.forward(Instant::now(), &self.client.inbox, &mut server.out);
                }
                if is_reset { (Ending::Reset, Ending::Reset) } else { (Ending::Goodbye, Ending::BareFin) }
            }
        };
        let close_server = async {
            if let Some(mut server) = self.server {
                to_server.line.drain(&mut server.out);
                let _ = server.flush(FLUSH_LIMIT).await;
                server.end(server_ending).await;
            }
        };
        tokio::join!(self.client.end(client_ending), close_server);
    }

    /// Nobody tells the server that the client has gone: its side stays until it closes it itself.
    async fn fade(self, over: Over) {
        let Self { shared, client, server, .. } = self;
        let is_stopping = matches!(over, Over::End(Ending::Abandon));
        client
            .end(if matches!(over, Over::End(Ending::Reset)) { Ending::Reset } else { Ending::Abandon })
            .await;
        let Some(mut server) = server.filter(|_| !is_stopping) else { return };
        let waits = async {
            while matches!(poll_fn(|cx| server.poll_turn(cx, true)).await, Ok(Turn::Read | Turn::Room)) {
                server.inbox.clear();
            }
        };
        tokio::select! {
            () = shared.shutdown.cancelled() => {}
            () = waits => {}
        }
    }
}
