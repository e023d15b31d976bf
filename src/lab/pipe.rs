//! How are bytes read and written at once without losing any when the wait is cancelled?

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server_stream::{CloseMode, ServerStream};

/// Bytes waiting to be written above which nothing more is taken from the outbox.
const WRITE_BUFFER_LIMIT: usize = 256 * 1024;

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PipeEvent {
    /// Bytes were added to the inbox.
    Read,
    /// More may be encoded again.
    Writable,
    /// The peer sends no more.
    Eof,
}

/// A stream with a buffer on either side.
pub(super) struct Pipe {
    stream: ServerStream,
    /// Read and not yet decoded.
    pub(super) read_buffer: BytesMut,
    /// Encoded and not yet written.
    pub(super) write_buffer: BytesMut,
    unflushed: bool,
}

impl Pipe {
    pub(super) fn new(stream: ServerStream) -> Self {
        Self {
            stream,
            read_buffer: BytesMut::with_capacity(4096),
            write_buffer: BytesMut::new(),
            unflushed: false,
        }
    }

    /// Whether more may be encoded.
    pub(super) fn has_room(&self) -> bool {
        self.write_buffer.len() < WRITE_BUFFER_LIMIT
    }

    /// Writes what waits and reads what comes, until something came or there is room again.
    /// Cancel-safe.
    pub(super) async fn drive(&mut self) -> io::Result<PipeEvent> {
        poll_fn(|cx| self.poll_drive(cx, true)).await
    }

    /// As [`Pipe::turn`], but leaves unread what comes unless `reads`.
    pub(super) fn poll_drive(
        &mut self,
        cx: &mut Context<'_>,
        should_read: bool,
    ) -> Poll<io::Result<PipeEvent>> {
        let was_full = !self.has_room();
        if let Poll::Ready(Err(error)) = self.poll_write(cx) {
            return Poll::Ready(Err(error));
        }
        if was_full && self.has_room() {
            return Poll::Ready(Ok(PipeEvent::Writable));
        }
        if !should_read {
            return Poll::Pending;
        }
        self.read_buffer.reserve(4096);
        // `read_buf` holds no bytes of its own, so dropping it half-way loses nothing.
        let read = pin!(self.stream.read_buf(&mut self.read_buffer)).poll(cx);
        read.map_ok(|count| if count == 0 { PipeEvent::Eof } else { PipeEvent::Read })
    }

    /// Writes everything that waits, but not for longer than `limit`.
    pub(super) async fn flush(&mut self, limit: Duration) -> io::Result<()> {
        let written = tokio::time::timeout(limit, poll_fn(|cx| self.poll_write(cx))).await;
        written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write_buffer.is_empty() {
            match pin!(self.stream.write_buf(&mut self.write_buffer)).poll(cx)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(_) => self.unflushed = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.unflushed {
            match pin!(self.stream.flush()).poll(cx)? {
                Poll::Ready(()) => self.unflushed = false,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// How the far end said that it ends, where it could say so.
    pub(super) fn peer_close(&self) -> Option<CloseMode> {
        self.stream.peer_close()
    }

    /// Ends the stream; what was not written is lost.
    pub(super) async fn close(self, mode: CloseMode) {
        self.stream.close(mode).await;
    }
}
