//! A byte stream with a buffer on either side, read and written at once. Cancel-safe.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server_stream::{CloseMode, ServerStream};

/// Bytes waiting to be written above which no more packets are encoded.
const WRITE_BUFFER_LIMIT: usize = 256 * 1024;

/// The outcome of one [`Pipe::drive`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum PipeEvent {
    /// Bytes were added to the read buffer.
    Read,
    /// More may be encoded again.
    Writable,
    /// The peer sends no more.
    Eof,
}

/// A stream with a buffer on either side.
pub(in crate::lab) struct Pipe {
    stream: ServerStream,
    /// Read and not yet decoded.
    pub(in crate::lab) read_buffer: BytesMut,
    /// Encoded and not yet written.
    pub(in crate::lab) write_buffer: BytesMut,
    unflushed: bool,
}

impl Pipe {
    pub(in crate::lab) fn new(stream: ServerStream) -> Self {
        Self {
            stream,
            read_buffer: BytesMut::with_capacity(4096),
            write_buffer: BytesMut::new(),
            unflushed: false,
        }
    }

    /// Whether more may be encoded.
    pub(in crate::lab) fn has_room(&self) -> bool {
        self.write_buffer.len() < WRITE_BUFFER_LIMIT
    }

    /// Writes the write buffer and reads into the read buffer, until bytes were read or the write buffer has room again.
    /// Cancel-safe.
    pub(in crate::lab) async fn drive(&mut self) -> io::Result<PipeEvent> {
        poll_fn(|cx| self.poll_drive(cx, true)).await
    }

    /// As [`Pipe::drive`], but reads only if `should_read`.
    pub(in crate::lab) fn poll_drive(
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

    /// Writes the whole write buffer, for at most `limit`.
    pub(in crate::lab) async fn flush(&mut self, limit: Duration) -> io::Result<()> {
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

    /// How the peer closed an in-memory stream, if it did.
    pub(in crate::lab) fn peer_close(&self) -> Option<CloseMode> {
        self.stream.peer_close()
    }

    /// Closes the stream; unwritten bytes are lost.
    pub(in crate::lab) async fn close(self, mode: CloseMode) {
        self.stream.close(mode).await;
    }
}
