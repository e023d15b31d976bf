//! A TCP relay of the test's own, for limits that no usual proxy has: it ends connections by their age, or after
//! a packet that it does not allow.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::Clock as _;
use socket2::SockRef;

use crate::netns::{Network, SERVER};

const POLL: Duration = Duration::from_millis(20);
/// MQTT control packet type 8, SUBSCRIBE, with its reserved flags (MQTT 3.1.1, 3.8.1).
const SUBSCRIBE: u8 = 0x82;

/// When a connection ends.
#[derive(Clone)]
pub(crate) enum Rule {
    /// At these ages in turn, s; the last one repeats.
    Ages(Vec<f64>),
    /// This many seconds after a packet SUBSCRIBE that contains the text.
    AfterSubscribe { filter: &'static str, delay_secs: f64 },
}

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Fin,
    Reset,
}

/// A running relay; it ends with this value.
pub(crate) struct Relay {
    is_ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Relays a port of the server's address to a port on its loopback.
    pub(crate) fn start(namespace: String, port: u16, inner_port: u16, rule: Rule, ending: Ending) -> Self {
        let is_ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_ended);
        let (ready, started) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            Network::enter(&namespace);
            let listener = TcpListener::bind((SERVER, port)).expect("a free port of a new namespace");
            listener.set_nonblocking(true).expect("a socket option");
            let _ = ready.send(());
            accept(&listener, inner_port, &rule, ending, &flag);
        });
        started.recv().expect("the relay listens");
        Self { is_ended, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, inner_port: u16, rule: &Rule, ending: Ending, is_ended: &AtomicBool) {
    let mut accepted = 0;
    thread::scope(|scope| {
        while !is_ended.load(Ordering::Relaxed) {
            let Ok((client, _)) = listener.accept() else {
                thread::sleep(POLL);
                continue;
            };
            let Ok(server) = TcpStream::connect(("127.0.0.1", inner_port)) else { continue };
            let mut limit = Limit::of(rule, accepted);
            accepted += 1;
            scope.spawn(move || relay(&client, &server, &mut limit, ending, is_ended));
        }
    });
}

/// The limit of one connection.
struct Limit {
    ends_at_secs: Option<f64>,
    filter: Option<(&'static str, f64)>,
}

impl Limit {
    fn of(rule: &Rule, accepted: usize) -> Self {
        match rule {
            Rule::Ages(ages) => {
                Self { ends_at_secs: ages.get(accepted).or(ages.last()).copied(), filter: None }
            }
            Rule::AfterSubscribe { filter, delay_secs } => {
                Self { ends_at_secs: None, filter: Some((filter, *delay_secs)) }
            }
        }
    }

    fn observe(&mut self, packet: &[u8], now_secs: f64) {
        let Some((filter, delay_secs)) = self.filter else { return };
        let is_named = packet.windows(filter.len()).any(|part| part == filter.as_bytes());
        if is_named && packet.contains(&SUBSCRIBE) && self.ends_at_secs.is_none() {
            self.ends_at_secs = Some(now_secs + delay_secs);
        }
    }
}

fn relay(client: &TcpStream, server: &TcpStream, limit: &mut Limit, ending: Ending, is_ended: &AtomicBool) {
    for stream in [client, server] {
        let _ = stream.set_nonblocking(true);
        let _ = stream.set_nodelay(true);
    }
    let clock = SystemClock::new();
    let mut buffer = [0; 16 * 1024];
    while !is_ended.load(Ordering::Relaxed) {
        let now = clock.read().awake.as_secs_f64();
        if limit.ends_at_secs.is_some_and(|end| now >= end) {
            if ending == Ending::Reset {
                // Close with linger 0 sends RST.
                let _ = SockRef::from(client).set_linger(Some(Duration::ZERO));
            } else {
                let _ = client.shutdown(Shutdown::Both);
            }
            return;
        }
        let Ok(sent) = forward(client, server, &mut buffer) else { return };
        limit.observe(&buffer[..sent], now);
        let Ok(received) = forward(server, client, &mut buffer) else { return };
        if sent + received == 0 {
            thread::sleep(POLL);
        }
    }
}

/// Forwards what is there; an error when either side has ended.
fn forward(mut from: &TcpStream, mut to: &TcpStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    match from.read(buffer) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(count) => to.write_all(&buffer[..count]).map(|()| count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}
