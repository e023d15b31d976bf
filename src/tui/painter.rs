//! The painter trait that the render loop draws through, and its implementation for the terminal.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::mem::ManuallyDrop;

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

use super::terminal;

/// The only access to the terminal. It moves to a blocking thread for each frame and back.
pub(super) trait Painter: Send + 'static {
    /// Draws one frame.
    fn paint(&mut self, draw: &mut dyn FnMut(&mut Frame)) -> io::Result<()>;
    /// Copies a text to the clipboard.
    fn copy_to_clipboard(&mut self, text: &str) -> io::Result<()>;
    /// Restores the terminal for the shell.
    fn release(&mut self);
    /// Takes the terminal again; the next frame is drawn in full.
    fn reacquire(&mut self) -> io::Result<()>;
}

/// Buffer size in bytes: a large frame is written in one call.
const FRAME_BYTES: usize = 64 * 1024;

/// Draws on standard output.
pub(super) struct TerminalPainter {
    /// Never dropped: its destructor would write to the restored terminal, and print an error to stderr
    /// if the terminal is gone. [`terminal::TerminalGuard`] restores everything.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
    mouse: bool,
}

impl TerminalPainter {
    /// A painter for a terminal that was taken.
    pub(super) fn new(mouse: bool) -> io::Result<Self> {
        let out = BufWriter::with_capacity(FRAME_BYTES, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out))?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), mouse })
    }
}

impl Painter for TerminalPainter {
    fn paint(&mut self, draw: &mut dyn FnMut(&mut Frame)) -> io::Result<()> {
        if !terminal::is_taken() {
            return Err(io::Error::other("the terminal was restored after a panic"));
        }
        self.terminal.draw(|frame| draw(frame)).map(|_| ())
    }

    fn copy_to_clipboard(&mut self, text: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        queue!(out, CopyToClipboard::to_clipboard_from(text))?;
        out.flush()
    }

    fn release(&mut self) {
        terminal::restore();
    }

    fn reacquire(&mut self) -> io::Result<()> {
        terminal::restore();
        terminal::take(self.mouse)?;
        // `Terminal::clear` would query the cursor position and wait for the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(ratatui::layout::Rect::from((ratatui::layout::Position::ORIGIN, size)))
    }
}
