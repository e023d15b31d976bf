//! What becomes of the bytes of one connection on their way?

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dropscope::lab::Parting;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

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
    /// How long the client's computer repeats what nobody acknowledges.
    pub(super) patience: Duration,
}

/// What came at one of the ends.
enum Came {
    Order,
    Path,
    Up(usize),
    Down(usize),
}

/// What the client is told in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Fin = 0,
    Reset,
    /// By its own computer.
    TimedOut,
}

impl Lines {
    /// Lays it to the server's end; gives the client's.
    pub(super) fn carry(self, mut server: DuplexStream) -> ClientEnd {
        let (stream, mut client) = tokio::io::duplex(64 * 1024);
        let told = Arc::<AtomicU8>::default();
        let end = ClientEnd { stream, told: Arc::clone(&told) };
        tokio::spawn(async move {
            let how = self.run(&mut client, &mut server).await;
            told.store(how as u8, Ordering::Relaxed);
        });
        end
    }

    async fn run(mut self, client: &mut DuplexStream, server: &mut DuplexStream) -> Told {
        let (mut up, mut down) = (vec![0; 8 * 1024], vec![0; 8 * 1024]);
        let mut mapping = self.net.habits.nat.filter(|_| self.own).map(|nat| Mapping::new(nat, &self.net));
        let (mut path, mut orders_open) = (self.net.path.subscribe(), true);
        loop {
            let dark = self.own && *path.borrow_and_update() == Path::Dark;
            let came = tokio::select! {
                biased;
                changed = self.line.changed(), if orders_open => {
                    orders_open = changed.is_ok();
                    Came::Order
                }
                _ = path.changed() => Came::Path,
                count = client.read(&mut up) => Came::Up(count.unwrap_or(0)),
                count = server.read(&mut down), if !dark => Came::Down(count.unwrap_or(0)),
            };
            if dark && !matches!(came, Came::Path) && !self.light(matches!(came, Came::Up(1..))).await {
                return Told::TimedOut;
            }
            let line = *self.line.borrow_and_update();
            let is_up = matches!(came, Came::Up(_));
            match (line, &came) {
                (Line::Fin, _) => return Told::Fin,
                (Line::Reset, _) => return Told::Reset,
                (Line::BlackHole, _) => return self.swallow(client, server, is_up).await,
                (Line::Fine, Came::Order | Came::Path) => continue,
                (Line::Fine, _) => {}
            }
            let kept = mapping.as_mut().is_none_or(|mapping| mapping.passes(is_up, &self.net));
            if !kept {
                if is_up && self.net.habits.nat.is_some_and(|nat| nat.resets) {
                    return Told::Reset;
                }
                return self.swallow(client, server, is_up).await;
            }
            sleep(self.net.latency()).await;
            let written = match came {
                // The client is gone, and the server is told.
                Came::Up(0) | Came::Order | Came::Path => return Told::Fin,
                Came::Down(0) => return self.parted(),
                Came::Up(count) => server.write_all(&up[..count]).await,
                Came::Down(count) => client.write_all(&down[..count]).await,
            };
            if written.is_err() {
                return self.parted();
            }
        }
    }

    fn parted(&self) -> Told {
        if self.parting.is_reset() { Told::Reset } else { Told::Fin }
    }

    /// Waits for a path that carries; `false`: too long for data of the client.
    async fn light(&self, is_data: bool) -> bool {
        let mut path = self.net.path.subscribe();
        let since = Instant::now();
        let patience = if is_data { self.patience } else { Duration::from_secs(30 * 86_400) };
        if timeout(patience, path.wait_for(|path| *path != Path::Dark)).await.is_err() {
            return false;
        }
        // TCP tries again ever more rarely.
        let late = self.net.dice().between(0.0, 0.5) * since.elapsed().as_secs_f64() * self.net.scale;
        sleep(self.net.real(late)).await;
        true
    }

    /// Nothing gets through any more; ends when the client has gone, or its computer gives up.
    async fn swallow(&self, client: &mut DuplexStream, server: &mut DuplexStream, is_data: bool) -> Told {
        let (mut up, mut down) = (vec![0; 1024], vec![0; 1024]);
        let mut is_serving = true;
        let mut deadline = is_data.then(|| Instant::now() + self.patience);
        loop {
            let due = deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                () = sleep_until(due), if deadline.is_some() => return Told::TimedOut,
                read = client.read(&mut up) => {
                    if read.unwrap_or(0) == 0 {
                        return Told::Fin;
                    }
                    deadline = deadline.or_else(|| Some(Instant::now() + self.patience));
                }
                read = server.read(&mut down), if is_serving => is_serving = read.unwrap_or(0) > 0,
            }
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

/// The client's end: a RST or a time-out is an error there, not an end of file.
pub(super) struct ClientEnd {
    stream: DuplexStream,
    told: Arc<AtomicU8>,
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
        let told = if ended { self.told.load(Ordering::Relaxed) } else { Told::Fin as u8 };
        Poll::Ready(match told {
            told if told == Told::Reset as u8 => Err(io::ErrorKind::ConnectionReset.into()),
            told if told == Told::TimedOut as u8 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        })
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
