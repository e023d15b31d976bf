//! What becomes of the bytes of one connection on their way?

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use dropscope::lab::Parting;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::net::{Inner, Nat, Path};

/// What the line of one connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// It carries.
    Fine,
    /// It swallows everything, both ways, for ever.
    BlackHole,
    /// It ends with a FIN.
    Fin,
    /// It ends with a RST.
    Reset,
}

/// The line of one connection, before it is laid.
pub(super) struct Lines {
    pub(super) net: Arc<Inner>,
    pub(super) line: watch::Receiver<Line>,
    pub(super) parting: Parting,
    pub(super) own: bool,
}

/// What came at one of the ends.
enum Came {
    Order,
    Up(usize),
    Down(usize),
}

impl Lines {
    /// Lays it to the server's end; gives the client's.
    pub(super) fn carry(self, mut server: DuplexStream) -> ClientEnd {
        let (stream, mut client) = tokio::io::duplex(64 * 1024);
        let reset = Arc::new(AtomicBool::new(false));
        let end = ClientEnd { stream, reset: Arc::clone(&reset) };
        tokio::spawn(async move {
            if self.run(&mut client, &mut server).await {
                reset.store(true, Ordering::Relaxed);
            }
        });
        end
    }

    /// `true`: the client is told by RST.
    async fn run(mut self, client: &mut DuplexStream, server: &mut DuplexStream) -> bool {
        let (mut up, mut down) = (vec![0; 8 * 1024], vec![0; 8 * 1024]);
        let mut mapping = self.net.habits.nat.filter(|_| self.own).map(|nat| Mapping::new(nat, &self.net));
        let mut orders_open = true;
        loop {
            let came = tokio::select! {
                biased;
                changed = self.line.changed(), if orders_open => {
                    orders_open = changed.is_ok();
                    Came::Order
                }
                count = client.read(&mut up) => Came::Up(count.unwrap_or(0)),
                count = server.read(&mut down) => Came::Down(count.unwrap_or(0)),
            };
            if self.own {
                self.light().await;
            }
            let line = *self.line.borrow_and_update();
            match line {
                Line::Fine => {}
                Line::Fin => return false,
                Line::Reset => return true,
                Line::BlackHole => return swallow(client, server).await,
            }
            if matches!(came, Came::Order) {
                continue;
            }
            let is_up = matches!(came, Came::Up(_));
            let kept = mapping.as_mut().is_none_or(|mapping| mapping.passes(is_up, &self.net));
            if !kept {
                if is_up && self.net.habits.nat.is_some_and(|nat| nat.resets) {
                    return true;
                }
                return swallow(client, server).await;
            }
            sleep(self.net.latency()).await;
            let written = match came {
                // The client is gone, and the server is told.
                Came::Up(0) | Came::Order => return false,
                Came::Down(0) => return self.parting.is_reset(),
                Came::Up(count) => server.write_all(&up[..count]).await,
                Came::Down(count) => client.write_all(&down[..count]).await,
            };
            if written.is_err() {
                return self.parting.is_reset();
            }
        }
    }

    /// Waits for a path that carries.
    async fn light(&self) {
        let mut path = self.net.path.subscribe();
        let now = *path.borrow();
        if now == Path::Dark {
            let since = Instant::now();
            let _ = path.wait_for(|path| *path != Path::Dark).await;
            // TCP tries again ever more rarely.
            let late = self.net.dice().between(0.0, 0.5) * since.elapsed().as_secs_f64() * self.net.scale;
            sleep(self.net.real(late)).await;
        }
    }
}

/// Nothing gets through any more; ends when the client has gone.
async fn swallow(client: &mut DuplexStream, server: &mut DuplexStream) -> bool {
    let (mut up, mut down) = (vec![0; 1024], vec![0; 1024]);
    let mut is_serving = true;
    loop {
        tokio::select! {
            read = client.read(&mut up) => if read.unwrap_or(0) == 0 { return false },
            read = server.read(&mut down), if is_serving => is_serving = read.unwrap_or(0) > 0,
        }
    }
}

/// One entry of the router's table.
struct Mapping {
    nat: Nat,
    last: Instant,
    limit: f64,
}

impl Mapping {
    fn new(nat: Nat, net: &Inner) -> Self {
        Self { nat, last: Instant::now(), limit: Self::limit(&nat, net) }
    }

    fn limit(nat: &Nat, net: &Inner) -> f64 {
        nat.limit + net.dice().between(-nat.pressure, nat.pressure)
    }

    /// Whether a packet still finds its entry.
    fn passes(&mut self, is_up: bool, net: &Inner) -> bool {
        let silent = self.last.elapsed().as_secs_f64() * net.scale;
        if silent > self.limit {
            return false;
        }
        if is_up || self.nat.inbound_refreshes {
            self.last = Instant::now();
            self.limit = Self::limit(&self.nat, net);
        }
        true
    }
}

/// The client's end: a RST is an error there, not an end of file.
pub(super) struct ClientEnd {
    stream: DuplexStream,
    reset: Arc<AtomicBool>,
}

impl AsyncRead for ClientEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let ended = buffer.filled().len() == before;
        let reset = ended && self.reset.load(Ordering::Relaxed);
        Poll::Ready(if reset { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) })
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
