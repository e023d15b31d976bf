//! Loopback listeners that can be closed for a while without losing their port.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::handshake::ListenerEndpoint;

/// Connections that may wait to be accepted (the backlog).
const BACKLOG: i32 = 1024;

/// Serves the connections that a listener accepts.
pub(in crate::lab) trait ConnectionHandler: Clone + Send + Sync + 'static {
    /// Cancelled when the server stops.
    fn shutdown(&self) -> &CancellationToken;

    /// Serves one connection. Every task spawned for it keeps `task` until it ends.
    fn handle_connection(&self, tcp: TcpStream, endpoint: &ListenerEndpoint, task: mpsc::Sender<()>);
}

/// One loopback address.
pub(in crate::lab) struct LoopbackListener {
    address: SocketAddr,
    endpoint: ListenerEndpoint,
    state: ListenerState,
}

enum ListenerState {
    Open {
        close: CancellationToken,
        closed: mpsc::Receiver<()>,
    },
    /// The port stays bound without listening, so that no other process gets it; connects are refused.
    Closed(Socket),
    Broken,
}

impl LoopbackListener {
    /// Binds the address without listening yet; with port 0 the system picks.
    ///
    /// # Errors
    /// The address is not loopback, or the socket error of the system.
    pub(in crate::lab) fn reserve(address: SocketAddr, endpoint: ListenerEndpoint) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the lab listens on loopback only"));
        }
        let socket = bind(address)?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { address, endpoint, state: ListenerState::Closed(socket) })
    }

    pub(in crate::lab) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections from now on, on the reserved socket.
    pub(in crate::lab) fn open(
        &mut self,
        handler: &impl ConnectionHandler,
        tasks: &mpsc::Sender<()>,
    ) -> io::Result<()> {
        let socket = match std::mem::replace(&mut self.state, ListenerState::Broken) {
            open @ ListenerState::Open { .. } => {
                self.state = open;
                return Ok(());
            }
            ListenerState::Closed(socket) => socket,
            ListenerState::Broken => bind(self.address)?,
        };
        socket.listen(BACKLOG)?;
        let tcp = TcpListener::from_std(socket.into())?;
        let (closed_tx, closed_rx) = mpsc::channel(1);
        let close = handler.shutdown().child_token();
        let acceptor = Acceptor {
            handler: handler.clone(),
            endpoint: self.endpoint.clone(),
            tasks: tasks.clone(),
            close: close.clone(),
        };
        tokio::spawn(async move {
            let _closed_tx = closed_tx;
            acceptor.run(tcp).await;
        });
        self.state = ListenerState::Open { close, closed: closed_rx };
        Ok(())
    }

    /// Stops accepting: connects are refused from now on, open connections stay.
    pub(in crate::lab) async fn close(&mut self) -> io::Result<()> {
        let ListenerState::Open { close, closed } = &mut self.state else { return Ok(()) };
        close.cancel();
        let _ = closed.recv().await;
        self.state = ListenerState::Broken;
        self.state = ListenerState::Closed(bind(self.address)?);
        Ok(())
    }
}

/// Binds without listening.
fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Old connections in TIME_WAIT must not keep the port from being bound again. (On Windows the
    // option means something else, and is not needed.)
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The task behind an open listener.
struct Acceptor<C> {
    handler: C,
    endpoint: ListenerEndpoint,
    tasks: mpsc::Sender<()>,
    close: CancellationToken,
}

impl<H: ConnectionHandler> Acceptor<H> {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.close.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((tcp, _)) => self.handler.handle_connection(tcp, &self.endpoint, self.tasks.clone()),
                // The process is probably out of file descriptors: the next accept may succeed.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}
