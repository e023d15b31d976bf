//! `dropscope picture`: the screen at the last instant of a recording, as SVG.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;
use std::sync::Arc;

use color_eyre::eyre::WrapErr as _;

use super::{print, usage_error};
use crate::classify::Verdict;
use crate::cli::{PictureArgs, PictureScreen};
use crate::diagnostics::clean::clean;
use crate::diagnostics::recording::RecordingReader;
use crate::diagnostics::{Diagnostics, Snapshot};
use crate::state::EventFold;
use crate::tui::snapshot_svg::{self, SvgScreen};

/// Reads the recording and prints the picture.
pub(super) fn picture(args: &PictureArgs) -> color_eyre::Result<ExitCode> {
    let file = match File::open(&args.file) {
        Ok(file) => file,
        Err(error) => {
            let path = clean(&args.file.display().to_string()).into_owned();
            return Ok(usage_error(&format!("cannot open the recording {path}: {error}")));
        }
    };
    let last = last_state(BufReader::new(file)).wrap_err("the recording cannot be read")?;
    let Some((snapshot, verdict)) = last else {
        return Ok(usage_error(&"there is no event in that file: is it a recording of dropscope?"));
    };
    let subject = match args.screen {
        PictureScreen::Overview => SvgScreen::Overview,
        PictureScreen::Drops => SvgScreen::Drops,
        PictureScreen::Drop => SvgScreen::NewestDrop,
    };
    let svg = snapshot_svg::render_svg(snapshot, verdict, args.file.clone(), subject, args.size.into());
    print(svg.as_bytes())
}

/// The state and the live verdict after the last event; `None` without any event.
fn last_state(input: impl std::io::BufRead) -> std::io::Result<Option<(Snapshot, Option<Arc<Verdict>>)>> {
    let mut fold = EventFold::new(Diagnostics::DEFAULT_MAX_EVENTS);
    let mut last = None;
    for observed in RecordingReader::new(input) {
        let observed = observed?;
        fold.apply(observed.at, &observed.event);
        last = Some(observed.at);
    }
    Ok(last.map(|at| (fold.snapshot(at), fold.verdict())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_events_has_no_state() {
        for bytes in [&b""[..], b"\n\n", b"{\"a\":1}\n", b"\xff\xfe"] {
            assert!(last_state(bytes).expect("readable").is_none());
        }
        let note = br#"{"t":"2026-08-03T12:00:00Z","kind":"note","text":"x"}"#;
        assert_eq!(last_state(&note[..]).expect("readable").map(|(state, _)| state.generation), Some(1));
    }
}
