//! Who puts frames on the terminal? The port the render loop draws through, and the real one behind it.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::mem::ManuallyDrop;

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

use super::terminal;

/// The one way to the terminal. Moves to a blocking thread for each frame and back.
pub(super) trait Painter: Send + 'static {
    /// Draws one frame.
    fn paint(&mut self, draw: &mut dyn FnMut(&mut Frame)) -> io::Result<()>;
    /// Puts a text on the clipboard.
    fn copy_to_clipboard(&mut self, text: &str) -> io::Result<()>;
    /// Gives the terminal back for a while.
    fn release(&mut self);
    /// Takes it again; the next frame is drawn from nothing.
    fn reacquire(&mut self) -> io::Result<()>;
}

/// Bytes of a large frame, so that it leaves in one write.
const FRAME_BYTES: usize = 64 * 1024;

/// Draws on standard output.
pub(super) struct TerminalPainter {
    /// Never dropped: it would write to a terminal that is given back already, and complain on stderr
    /// when that is gone. The guard does all that is needed.
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
            return Err(io::Error::other("the terminal was given back after a panic"));
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
        // `Terminal::clear` would ask the terminal where its cursor is, and wait for the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(ratatui::layout::Rect::from((ratatui::layout::Position::ORIGIN, size)))
    }
}
