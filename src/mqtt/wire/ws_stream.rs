//! MQTT bytes over WebSocket messages: a byte stream on top of a message protocol.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::close_reason::WsCloseFrame;
use super::tap::WireTap;

/// Written bytes beyond which a frame is sent without waiting for the flush.
const LARGEST_FRAME: usize = 64 * 1024;

/// Reads the bytes of binary messages, whatever their boundaries; writes one binary message per flush.
///
/// Pings are answered by tungstenite while reading. A text message is a violation of the MQTT
/// specification (MQTT-6.0.0-1) and ends the stream.
#[derive(Debug)]
pub(super) struct WsStream<S> {
    websocket: WebSocketStream<S>,
    tap: WireTap,
    unread: Bytes,
    unsent: BytesMut,
    ended: bool,
    close_handshake: CloseHandshake,
}

/// Progress of our own closing handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CloseHandshake {
    NotStarted,
    CloseFrameSent,
}

/// A message MQTT does not allow.
#[derive(Debug, thiserror::Error)]
#[error("a text message, where MQTT allows only binary ones")]
pub(super) struct TextMessageError;

impl<S: AsyncRead + AsyncWrite + Unpin> WsStream<S> {
    pub(super) fn new(websocket: WebSocketStream<S>, tap: WireTap) -> Self {
        Self {
            websocket,
            tap,
            unread: Bytes::new(),
            unsent: BytesMut::new(),
            ended: false,
            close_handshake: CloseHandshake::NotStarted,
        }
    }

    /// Waits for the next bytes; `None` at the end.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            let message = match ready!(Pin::new(&mut self.websocket).poll_next(cx)) {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Poll::Ready(Err(into_io(error))),
                None => return Poll::Ready(Ok(None)),
            };
            match message {
                Message::Binary(bytes) if bytes.is_empty() => {}
                Message::Binary(bytes) => return Poll::Ready(Ok(Some(bytes))),
                Message::Text(_) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, TextMessageError)));
                }
                Message::Close(frame) => {
                    let (code, reason) = match frame {
                        Some(frame) => (Some(u16::from(frame.code)), frame.reason),
                        None => (None, Utf8Bytes::default()),
                    };
                    self.tap.on_close_frame(WsCloseFrame { code, reason: reason.as_str().to_owned() });
                    // Our echo of the close frame; nothing depends on whether it is sent.
                    let _ = Pin::new(&mut self.websocket).poll_flush(cx);
                    return Poll::Ready(Ok(None));
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Hands the written bytes to the WebSocket as one frame.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsent.is_empty() {
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.websocket).poll_ready(cx)).map_err(into_io)?;
        let frame = Message::Binary(self.unsent.split().freeze());
        Poll::Ready(Pin::new(&mut self.websocket).start_send(frame).map_err(into_io))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WsStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 || this.ended {
            return Poll::Ready(Ok(()));
        }
        if this.unread.is_empty() {
            match ready!(this.poll_message(cx)) {
                Ok(Some(bytes)) => this.unread = bytes,
                Ok(None) => {
                    this.ended = true;
                    return Poll::Ready(Ok(()));
                }
                Err(error) => {
                    this.ended = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
        let amount = this.unread.len().min(buf.remaining());
        buf.put_slice(&this.unread[..amount]);
        this.unread.advance(amount);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WsStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.unsent.len() >= LARGEST_FRAME {
            ready!(this.poll_send(cx))?;
        }
        this.unsent.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.websocket).poll_flush(cx).map_err(into_io)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.close_handshake == CloseHandshake::NotStarted {
            // A failed send must not keep the layers below from closing.
            let _ = ready!(this.poll_send(cx));
            let _ = ready!(Pin::new(&mut this.websocket).poll_close(cx));
            this.close_handshake = CloseHandshake::CloseFrameSent;
        }
        Pin::new(this.websocket.get_mut()).poll_shutdown(cx)
    }
}

/// A socket error unchanged; a WebSocket error inside an `io::Error`, where the tap finds it.
fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
