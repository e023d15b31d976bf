//! Terminal input: one thread that blocks on the terminal, and a bounded channel to the render loop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as sync;
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event};
use tokio::sync::mpsc;

/// Events queued for the loop. When the queue is full, the thread blocks and the terminal buffers the input.
const EVENT_QUEUE_CAPACITY: usize = 256;

/// Interval of the checks of the stop flag.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Timeout of crossterm's poll. Not zero: its `use-dev-tty` reader would not poll at all. Short, because it
/// spins until the timeout.
const EVENT_POLL_TIMEOUT: Duration = Duration::from_micros(100);

/// How long a stop waits for the thread to end.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// The running thread; it stops when this handle is dropped.
#[derive(Debug)]
pub(super) struct InputThread {
    stop: Arc<AtomicBool>,
    /// Closes when the thread ends.
    ended: sync::Receiver<()>,
}

impl InputThread {
    /// Starts reading. The receiver closes when the terminal hangs up.
    pub(super) fn start() -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (sender, receiver) = mpsc::channel(EVENT_QUEUE_CAPACITY);
        let (alive, ended) = sync::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let terminal = TerminalPoller::open()?;
        thread::Builder::new().name("terminal-input".to_owned()).spawn(move || {
            let _alive: sync::Sender<()> = alive;
            read_events(&terminal, &sender, &stopping);
        })?;
        Ok((Self { stop, ended }, receiver))
    }
}

impl Drop for InputThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Not a join: crossterm never returns from a read on a terminal that hangs up.
        let _ = self.ended.recv_timeout(STOP_TIMEOUT);
    }
}

/// Result of waiting for the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputReadiness {
    /// Input is available, or a signal arrived; it can be the resize signal.
    Ready,
    /// No input within [`STOP_CHECK_INTERVAL`].
    TimedOut,
    #[cfg_attr(not(unix), expect(dead_code, reason = "a console does not hang up"))]
    /// The terminal hung up. Crossterm must not be polled again, because it would spin endlessly.
    HungUp,
}

fn read_events(terminal: &TerminalPoller, sender: &mpsc::Sender<Event>, stop: &AtomicBool) {
    // On a busy computer a poll can time out with events left inside crossterm; one more poll reads them.
    let mut poll_again = true;
    while !stop.load(Ordering::Relaxed) {
        match terminal.wait() {
            Ok(InputReadiness::Ready) => poll_again = true,
            Ok(InputReadiness::TimedOut) if !std::mem::take(&mut poll_again) => continue,
            Ok(InputReadiness::TimedOut) => {}
            Ok(InputReadiness::HungUp) | Err(_) => return,
        }
        while event::poll(EVENT_POLL_TIMEOUT).unwrap_or(false) {
            let Ok(event) = event::read() else { return };
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    }
}

/// Waits until the terminal has input.
#[cfg(unix)]
struct TerminalPoller(std::os::fd::OwnedFd);

#[cfg(unix)]
impl TerminalPoller {
    /// The terminal crossterm will read from: standard input, or the controlling terminal.
    fn open() -> io::Result<Self> {
        use std::io::IsTerminal as _;
        use std::os::fd::AsFd as _;

        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Ok(Self(stdin.as_fd().try_clone_to_owned()?));
        }
        Ok(Self(std::fs::File::open("/dev/tty")?.into()))
    }

    /// Waits for input for at most [`STOP_CHECK_INTERVAL`].
    fn wait(&self) -> io::Result<InputReadiness> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(STOP_CHECK_INTERVAL.subsec_nanos()) };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => Ok(InputReadiness::Ready),
            Err(error) => Err(error.into()),
            Ok(0) => Ok(InputReadiness::TimedOut),
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                Ok(InputReadiness::HungUp)
            }
            Ok(_) => Ok(InputReadiness::Ready),
        }
    }
}

#[cfg(not(unix))]
struct TerminalPoller(());

#[cfg(not(unix))]
impl TerminalPoller {
    fn open() -> io::Result<Self> {
        Ok(Self(()))
    }

    fn wait(&self) -> io::Result<InputReadiness> {
        event::poll(STOP_CHECK_INTERVAL)
            .map(|ready| if ready { InputReadiness::Ready } else { InputReadiness::TimedOut })
    }
}
