//! The HTTP server of the cloud.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::CloudFault;
use super::routes::{CloudReply, CloudRequest, CloudState};

const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html";
/// Bytes of a request's body that are read.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Opens the port and accepts connections. Every task of the server holds `tasks`.
pub(super) async fn start(
    state: Arc<CloudState>,
    shutdown: CancellationToken,
    tasks: mpsc::Sender<()>,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((tcp, _)) => {
                    let (state, shutdown, task) = (Arc::clone(&state), shutdown.clone(), tasks.clone());
                    tokio::spawn(async move {
                        let _task = task;
                        tokio::select! {
                            () = shutdown.cancelled() => {}
                            () = serve(tcp, state) => {}
                        }
                    });
                }
                // The process is probably out of file descriptors: the next accept may succeed.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    Ok(address)
}

async fn serve(tcp: TcpStream, state: Arc<CloudState>) {
    let _ = tcp.set_nodelay(true);
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { respond(request, &state).await }
    });
    // An error here is caused by the client or by a fault.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await;
}

/// # Errors
/// [`CloudFault::HangUp`]: hyper then closes the connection without an answer.
async fn respond(request: Request<Incoming>, state: &CloudState) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let path = head.uri.path();
    if let Some(fault) = state.next_fault() {
        state.record_request(path, 0);
        return respond_with_fault(fault).await;
    }
    let reply = match body {
        Err(_) => CloudReply::failure_with(400, "BAD_REQUEST".to_owned()),
        Ok(body) => state.answer(&CloudRequest {
            is_post: head.method == Method::POST,
            path,
            authorization: head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()),
            body: &body.to_bytes(),
        }),
    };
    state.record_request(path, reply.code);
    Ok(in_envelope(&reply))
}

async fn respond_with_fault(fault: CloudFault) -> io::Result<Response<Full<Bytes>>> {
    Ok(match fault {
        CloudFault::Malformed => answer(200, JSON, "{\"code\":200,\"msg\":\"SUCCESS\",\"data\":{\"tok"),
        CloudFault::BadGateway => {
            answer(502, HTML, "<html><head><title>502 Bad Gateway</title></head></html>")
        }
        CloudFault::Failure { code, message } => in_envelope(&CloudReply::failure_with(code, message)),
        CloudFault::NoData => answer(200, JSON, "{\"code\":200,\"msg\":\"SUCCESS\"}"),
        CloudFault::Hang => std::future::pending().await,
        CloudFault::HangUp => return Err(io::ErrorKind::ConnectionAborted.into()),
    })
}

/// The HTTP status is the envelope's code.
fn in_envelope(reply: &CloudReply) -> Response<Full<Bytes>> {
    answer(reply.code, JSON, reply.envelope().to_string())
}

fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    // 1xx is not a final answer; the HTTP layer refuses to send it.
    let status = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational());
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
