//! How do keys reach the render loop? One thread that blocks on the terminal, and a bounded channel.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as sync;
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event};
use tokio::sync::mpsc;

/// Events waiting for the loop; more block the thread, and then the terminal keeps them.
const EVENT_QUEUE_CAPACITY: usize = 256;

/// How often the thread looks whether it is to stop.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// How long crossterm may look for an event. Not zero: its reader of `use-dev-tty` would not look at all.
/// Not long: it turns in circles meanwhile.
const EVENT_POLL_TIMEOUT: Duration = Duration::from_micros(100);

/// How long leaving waits for the thread.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// The running thread; dropped, it stops.
#[derive(Debug)]
pub(super) struct InputThread {
    stop: Arc<AtomicBool>,
    /// Closes when the thread ends.
    ended: sync::Receiver<()>,
}

impl InputThread {
    /// Starts reading. The receiver ends when the terminal is gone.
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
        // Not a join: a terminal that hangs up in the middle of a read never lets crossterm go.
        let _ = self.ended.recv_timeout(STOP_TIMEOUT);
    }
}

/// What the terminal did while it was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputReadiness {
    /// There is something to read, or a signal came; it may be the one that tells of a resize.
    Ready,
    /// Nothing.
    TimedOut,
    #[cfg_attr(not(unix), expect(dead_code, reason = "a console does not hang up"))]
    /// Crossterm must not be asked any more: it would spin for ever.
    HungUp,
}

fn read_events(terminal: &TerminalPoller, sender: &mpsc::Sender<Event>, stop: &AtomicBool) {
    // A look cut short by a busy computer may leave events inside crossterm: one more look takes them out.
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

/// Waits for the terminal to have something to say.
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

    /// Waits for a moment.
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
struct Waiter(());

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
