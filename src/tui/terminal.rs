//! Taking the terminal over, and restoring it on every exit path.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{execute, queue};

/// Whether the program has the terminal. Global, because a panic in any thread must restore it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Ownership of the terminal: raw mode, alternate screen, hidden cursor. Restores it when dropped.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Takes the terminal; with `mouse`, it reports clicks and the wheel too (and selecting text
    /// needs Shift).
    ///
    /// # Errors
    /// When there is no terminal, or it rejects the settings; it is then restored.
    pub fn take(mouse: bool) -> io::Result<Self> {
        take(mouse)?;
        Ok(Self(()))
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal (again).
pub(super) fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = enter(&mut io::stdout(), mouse);
    if entered.is_err() {
        restore();
    }
    entered
}

fn enter(out: &mut impl Write, mouse: bool) -> io::Result<()> {
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if mouse {
        enable_mouse(out)?;
    }
    out.flush()
}

/// Reports buttons and the wheel in SGR coordinates. `EnableMouseCapture` would also report every movement
/// and wake the program each time.
#[cfg(not(windows))]
fn enable_mouse(out: &mut impl Write) -> io::Result<()> {
    queue!(out, crossterm::style::Print("\x1b[?1000h\x1b[?1006h"))
}

#[cfg(windows)]
fn enable_mouse(out: &mut impl Write) -> io::Result<()> {
    queue!(out, crossterm::event::EnableMouseCapture)
}

/// Restores the terminal; does nothing if it is not taken. Safe to call from any thread, any number of
/// times. Errors are ignored, because there is no terminal left to show them on.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// Columns of the terminal, for text that is printed without the screen.
pub fn columns() -> Option<u16> {
    crossterm::terminal::size().ok().map(|(columns, _)| columns).filter(|columns| *columns > 0)
}

/// Whether the program has the terminal; after a panic in any thread it does not, and nothing must be drawn.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Installs the hooks for panics and error reports: the terminal is restored before a panic report is
/// printed. `color` is off for `NO_COLOR` and when stderr is not a terminal.
///
/// # Errors
/// When hooks are installed already.
pub fn install_panic_hook(color: bool) -> color_eyre::Result<()> {
    let mut builder = color_eyre::config::HookBuilder::default()
        .display_env_section(false)
        .panic_section("This is a bug in dropscope. The recording up to this point is safe on disk.");
    if !color {
        builder = builder.theme(color_eyre::config::Theme::new());
    }
    let (panic_hook, eyre_hook) = builder.into_hooks();
    eyre_hook.install()?;
    std::panic::set_hook(Box::new(move |info| {
        restore();
        // If stderr is closed too, the report is lost.
        let _ = writeln!(io::stderr(), "{}", panic_hook.panic_report(info));
    }));
    Ok(())
}

/// Stops all processes of the job, as Ctrl-Z does when the terminal is not in raw mode.
#[cfg(unix)]
pub(super) fn stop_job() -> io::Result<()> {
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn stop_job() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mouse_capture_reports_buttons_but_not_movement() {
        let mut out = Vec::new();
        enter(&mut out, true).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\x1b[?1049h") && text.contains("\x1b[?2004h"), "{text:?}");
        assert!(!text.contains("?1003h"), "{text:?}");
        let mut plain = Vec::new();
        enter(&mut plain, false).unwrap();
        assert!(!String::from_utf8(plain).unwrap().contains("?1000h"));
    }

    #[test]
    fn restore_without_a_taken_terminal_does_nothing() {
        restore();
        assert!(!is_taken());
    }
}
