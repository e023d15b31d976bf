//! What one run of the client leaves: its recording, and beside it how it ended.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A finished run.
pub(crate) struct Run {
    /// The recording.
    pub(crate) recording: PathBuf,
    /// Exit code of the client; -1 = it was killed.
    pub(crate) exit_code: i32,
    /// What it wrote to standard output and standard error.
    pub(crate) output: String,
    /// The advice that it followed, in words.
    pub(crate) advice: Option<String>,
}

/// The file beside a recording.
#[derive(Serialize, Deserialize)]
struct RunEnd {
    exit_code: i32,
    advice: Option<String>,
    output: String,
}

impl Run {
    /// Writes how the run ended to a file beside its recording.
    pub(crate) fn save(&self, advice: Option<&str>) -> Result<(), String> {
        let advice = advice.map(str::to_owned);
        let end = RunEnd { exit_code: self.exit_code, advice, output: self.output.clone() };
        let text = toml::to_string(&end).map_err(|error| error.to_string())?;
        fs::write(self.recording.with_extension("toml"), text).map_err(|error| error.to_string())
    }

    /// Reads a kept run.
    pub(crate) fn load(recording: PathBuf) -> Result<Self, String> {
        let path = recording.with_extension("toml");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let end: RunEnd = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { recording, exit_code: end.exit_code, output: end.output, advice: end.advice })
    }
}
