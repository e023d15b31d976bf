//! A pseudo-terminal with a terminal emulator, to test the program as a user sees it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::Clock;
use portable_pty::{Child, CommandBuilder, MasterPty, PtyPair, PtySize, SlavePty, native_pty_system};

/// Timeout of every wait, long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Interval of the checks whether the program still runs while it writes nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The program in a terminal of its own, with a home of its own.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    /// Kept open so that the terminal's settings outlive the program.
    slave: Option<Box<dyn SlavePty + Send>>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Every byte the program wrote.
    pub(crate) output_bytes: Vec<u8>,
    /// Terminal settings before the program started.
    before: String,
    clock: SystemClock,
}

/// The state directory of the program below its home.
pub(crate) fn state_dir(home: &Path) -> PathBuf {
    home.join("state").join("dropscope")
}

/// Rows and columns in the types of the emulator.
fn cells(rows: u16, cols: u16) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).expect("rows"), NonZeroU16::new(cols).expect("columns"))
}

impl Terminal {
    /// Starts the program with `arguments` and, beside a fixed environment, `variables`.
    pub(crate) fn start(
        (cols, rows): (u16, u16),
        home: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let PtyPair { master, slave } = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let before = settings(master.as_ref());
        let keyboard = master.take_writer().expect("a keyboard");
        let output = read_all(master.try_clone_reader().expect("a screen"));
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_dropscope"));
        command.env_clear();
        command.args(arguments);
        command.cwd(home);
        let places = [("HOME", ""), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config")];
        for (name, place) in places {
            command.env(name, home.join(place));
        }
        let fixed = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
        for (name, value) in fixed.iter().chain(variables) {
            command.env(name, value);
        }
        let child = slave.spawn_command(command).expect("the program starts");
        let (height, width) = cells(rows, cols);
        Self {
            master,
            slave: Some(slave),
            keyboard,
            child,
            output,
            parser: vt100::Parser::new(height, width, 0),
            output_bytes: Vec::new(),
            before,
            clock: SystemClock::new(),
        }
    }

    /// The program's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("a running program")
    }

    /// Writes keys to the terminal.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the program reads");
        self.keyboard.flush().expect("the program reads");
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, (cols, rows): (u16, u16)) {
        let (height, width) = cells(rows, cols);
        self.parser.set_size(height, width);
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).expect("a size");
    }

    /// The emulated screen.
    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Whether the terminal settings differ from those before the start.
    pub(crate) fn is_changed(&self) -> bool {
        settings(self.master.as_ref()) != self.before
    }

    /// Waits until the screen shows something.
    pub(crate) fn wait_for(&mut self, what: &str, accept: impl Fn(&vt100::Screen) -> bool) {
        let limit = self.clock.now().plus(TIMEOUT);
        while !accept(self.parser.screen()) {
            let is_running = self.read(POLL_INTERVAL);
            let in_time = self.clock.now() < limit;
            assert!(
                is_running && in_time,
                "did not find {what} on the screen:\n{}",
                self.parser.screen().contents()
            );
        }
    }

    /// Waits until a text is on the screen.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(text, |screen| screen.contents().contains(text));
    }

    /// Processes the output of the program within `limit`; `false` when the output is closed.
    pub(crate) fn read(&mut self, limit: Duration) -> bool {
        match self.output.recv_timeout(limit) {
            Ok(bytes) => {
                self.parser.process(&bytes);
                self.output_bytes.extend(bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Waits for the end of the program, reads its last output, and returns its exit code.
    pub(crate) fn wait_for_end(&mut self) -> u32 {
        let limit = self.clock.now().plus(TIMEOUT);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            self.read(POLL_INTERVAL);
            let in_time = self.clock.now() < limit;
            assert!(in_time, "the program does not end:\n{}", self.parser.screen().contents());
        };
        assert_eq!(status.signal(), None, "the program was killed");
        assert!(!self.is_changed(), "the terminal settings are not restored");
        // Closes the last handle of the terminal, so that the output ends.
        self.slave = None;
        while self.read(POLL_INTERVAL) {}
        status.exit_code()
    }

    /// Every terminal mode that was switched on is off again.
    pub(crate) fn assert_restored(&self) {
        let screen = self.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "mouse still reported");
        let text = String::from_utf8_lossy(&self.output_bytes);
        for mode in ["1000", "1002", "1003", "1006", "1049", "2004"] {
            let on = text.rfind(&format!("\x1b[?{mode}h"));
            let off = text.rfind(&format!("\x1b[?{mode}l"));
            assert!(on <= off, "mode {mode} is left switched on");
        }
    }

    /// Whether the program wrote a color sequence.
    pub(crate) fn has_color_output(&self) -> bool {
        let text = String::from_utf8_lossy(&self.output_bytes);
        text.split("\x1b[").skip(1).filter_map(sgr).any(|parameters| {
            let mut numbers = parameters.split([';', ':']).map(|number| number.parse().unwrap_or(0));
            numbers.any(|number: u16| matches!(number, 30..=38 | 40..=48 | 90..=97 | 100..=107))
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Only after a failure, which is already reported.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The parameters of a "select graphic rendition" sequence, given what follows its `ESC [`.
fn sgr(sequence: &str) -> Option<&str> {
    let end = sequence.find(|c: char| c.is_ascii_alphabetic())?;
    (sequence[end..].starts_with('m')).then(|| &sequence[..end])
}

fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("terminal settings"))
}

fn read_all(mut reader: Box<dyn Read + Send>) -> Receiver<Vec<u8>> {
    let (sender, output) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    output
}
