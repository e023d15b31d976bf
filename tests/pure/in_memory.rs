//! In-memory connections between the link and the lab, in simulated time: the client's stream, the line behind it,
//! and the phases of a connect. The networks of [`simulated`](crate::simulated) and of
//! [`verdicts::lab`](crate::verdicts) are made of these parts.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use dropscope::diagnostics::Clock;
use dropscope::diagnostics::error_name::AWS_IO_SOCKET_CONNECTION_REFUSED;
use dropscope::diagnostics::event::{DropKind, Layer, Phase, PhaseTiming};
use dropscope::diagnostics::failure::Failure;
use dropscope::mqtt::wire::{OpenFailure, OpenOutcome, WireConnection};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;

/// Bytes that an in-memory stream holds in each direction before a writer has to wait.
const STREAM_BUFFER: usize = 64 * 1024;

/// The state of the line of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineState {
    /// It forwards.
    Fine,
    /// It discards everything in both directions, permanently and without a sign.
    BlackHole,
    /// It ends with a FIN.
    Fin,
    /// It ends with a RST.
    Reset,
}

impl LineState {
    /// How the client's stream ends in this state; `None`: it stays open.
    pub(crate) fn stream_end(self) -> Option<StreamEnd> {
        match self {
            Self::Fine | Self::BlackHole => None,
            Self::Fin => Some(StreamEnd::Fin),
            Self::Reset => Some(StreamEnd::Reset),
        }
    }
}

/// A line that forwards, and its control.
pub(crate) fn line() -> (watch::Sender<LineState>, watch::Receiver<LineState>) {
    watch::channel(LineState::Fine)
}

/// The control of the line of the newest connection.
#[derive(Debug, Default)]
pub(crate) struct NewestLine(Mutex<Option<watch::Sender<LineState>>>);

impl NewestLine {
    /// The line of a new connection. Those of older connections can no longer be changed.
    pub(crate) fn connect(&self) -> watch::Receiver<LineState> {
        let (control, line) = line();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(control);
        line
    }

    /// Changes the state of the line; nothing happens before the first connection.
    pub(crate) fn set(&self, line: LineState) {
        if let Some(control) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            control.send_replace(line);
        }
    }
}

/// How a stream ends for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    Fin = 0,
    Reset,
    /// The client's computer gives up retransmitting.
    TimedOut,
}

/// The network's side of [`ClientStream`]: sets how the stream ends, before its other end is dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamEndCell(Arc<AtomicU8>);

impl StreamEndCell {
    pub(crate) fn set(&self, end: StreamEnd) {
        self.0.store(end as u8, Ordering::Relaxed);
    }

    fn error(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            end if end == StreamEnd::Reset as u8 => Err(io::ErrorKind::ConnectionReset.into()),
            end if end == StreamEnd::TimedOut as u8 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

/// The client's end of an in-memory connection. A RST or a time-out is an error there, not an end of file.
#[derive(Debug)]
pub(crate) struct ClientStream {
    stream: DuplexStream,
    end: StreamEndCell,
}

impl ClientStream {
    /// The client's end, the network's end, and the cell for how it ends (FIN unless set).
    pub(crate) fn new() -> (Self, DuplexStream, StreamEndCell) {
        let (stream, network) = duplex();
        let end = StreamEndCell::default();
        (Self { stream, end: end.clone() }, network, end)
    }
}

/// Both ends of an in-memory connection.
pub(crate) fn duplex() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(STREAM_BUFFER)
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let is_at_end = buffer.filled().len() == before;
        Poll::Ready(if is_at_end { self.end.error() } else { Ok(()) })
    }
}

impl AsyncWrite for ClientStream {
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

/// The server's address in every simulated network (TEST-NET-1, RFC 5737).
pub(crate) fn server_address(port: u16) -> SocketAddr {
    SocketAddr::new([192, 0, 2, 10].into(), port)
}

/// The failure of a connect to a closed port.
pub(crate) fn connection_refused(remote: SocketAddr) -> Failure {
    let detail = format!("{remote} refused the connection: nothing listens on that port");
    Failure::new(AWS_IO_SOCKET_CONNECTION_REFUSED, Layer::Tcp, DropKind::Rst, detail)
}

/// Measures the phases of one simulated connect.
pub(crate) struct ConnectPhases<'a> {
    clock: &'a Arc<dyn Clock>,
    timings: Vec<PhaseTiming>,
}

impl<'a> ConnectPhases<'a> {
    pub(crate) fn new(clock: &'a Arc<dyn Clock>) -> Self {
        Self { clock, timings: Vec::new() }
    }

    /// Runs one phase. `work` waits for as long as the phase takes and returns its detail or its failure.
    pub(crate) async fn run(
        &mut self,
        phase: Phase,
        work: impl Future<Output = Result<Option<String>, Failure>>,
    ) -> Result<(), OpenFailure> {
        let began = self.clock.now();
        let result = work.await;
        let ms = self.clock.now().since(began).as_secs_f64() * 1_000.0;
        let error = result.as_ref().err().map(Failure::message);
        let (detail, result) = match result {
            Ok(detail) => (detail, Ok(())),
            Err(failure) => (None, Err(OpenFailure { phase, failure })),
        };
        self.timings.push(PhaseTiming { phase, ms, ok: result.is_ok(), error, detail });
        result
    }

    /// The outcome of the whole connect.
    pub(crate) fn finish(self, result: Result<WireConnection, OpenFailure>) -> OpenOutcome {
        OpenOutcome { phases: self.timings, result }
    }
}
