//! The socket under every layer, which reports to the tap what passes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tap::WireTap;

/// A socket that reports its traffic and its end to a [`WireTap`].
#[derive(Debug)]
pub(super) struct TappedSocket<S> {
    socket: S,
    tap: WireTap,
    /// Why writing failed. The operating system reports a socket error only once: if the write gets the
    /// reset, the read gets a plain end of stream, which would count as a FIN.
    write_error: Option<io::Error>,
}

impl<S> TappedSocket<S> {
    pub(super) fn new(socket: S, tap: WireTap) -> Self {
        Self { socket, tap, write_error: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TappedSocket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let had_room = buf.remaining() > 0;
        ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        match buf.filled().len() - before {
            0 if had_room => {
                if let Some(error) = this.write_error.take() {
                    return Poll::Ready(Err(error));
                }
                this.tap.on_fin();
            }
            0 => {}
            bytes => this.tap.on_received(bytes),
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TappedSocket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(Pin::new(&mut this.socket).poll_write(cx, bytes)) {
            Ok(written) => {
                if written > 0 {
                    this.tap.on_sent(written);
                }
                Poll::Ready(Ok(written))
            }
            Err(error) => {
                this.write_error = error_for_read(&error);
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// A copy of the error for the read; none for a broken pipe, which only means that reading has ended too.
fn error_for_read(error: &io::Error) -> Option<io::Error> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => None,
        kind => Some(error.raw_os_error().map_or_else(|| kind.into(), io::Error::from_raw_os_error)),
    }
}
