//! Default directories. No file goes to the working directory.

use std::fmt;
use std::path::PathBuf;

use etcetera::BaseStrategy;

/// Name of the folder below each base directory.
const FOLDER: &str = "dropscope";

/// The directories of this user and platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Search paths of the configuration file, first match wins.
    pub config_files: Vec<PathBuf>,
    /// Recordings, exports and the log.
    pub state: PathBuf,
}

impl Directories {
    /// XDG directories on Linux and macOS, the roaming application data on Windows; on macOS a
    /// configuration in `~/Library/Preferences` is found too.
    ///
    /// Without a home directory everything goes below the system's temporary directory.
    pub fn for_current_user() -> Self {
        let Ok(base) = etcetera::choose_base_strategy() else {
            let folder = std::env::temp_dir().join(FOLDER);
            return Self { config_files: vec![folder.join("config.toml")], state: folder };
        };
        let mut config_files = vec![base.config_dir().join(FOLDER).join("config.toml")];
        if let Ok(native) = etcetera::base_strategy::choose_native_strategy() {
            let file = native.config_dir().join(FOLDER).join("config.toml");
            if !config_files.contains(&file) {
                config_files.push(file);
            }
        }
        let state = base.state_dir().unwrap_or_else(|| base.data_dir()).join(FOLDER);
        Self { config_files, state }
    }

    /// One file per run goes here.
    pub fn recordings(&self) -> PathBuf {
        self.state.join("recordings")
    }

    /// JSON exports and Markdown reports.
    pub fn exports(&self) -> PathBuf {
        self.state.join("exports")
    }

    /// Tokens of the device cloud.
    pub fn navien_tokens(&self) -> PathBuf {
        self.state.join("navien-tokens.json")
    }

    /// The program's own log.
    pub fn log_file(&self) -> PathBuf {
        self.state.join("dropscope.log")
    }
}

impl fmt::Display for Directories {
    /// One path per line, with its purpose.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.config_files {
            let suffix = if path.is_file() { "" } else { " (not there)" };
            writeln!(formatter, "configuration  {}{suffix}", path.display())?;
        }
        writeln!(formatter, "recordings     {}", self.recordings().display())?;
        writeln!(formatter, "exports        {}", self.exports().display())?;
        writeln!(formatter, "log            {}", self.log_file().display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_absolute_and_distinct() {
        let directories = Directories::for_current_user();
        for path in [
            directories.recordings(),
            directories.exports(),
            directories.log_file(),
            directories.config_files[0].clone(),
        ] {
            assert!(path.is_absolute(), "{}", path.display());
            assert!(path.components().any(|part| part.as_os_str() == FOLDER), "{}", path.display());
        }
        assert_ne!(directories.recordings(), directories.exports());
        let text = directories.to_string();
        assert!(text.lines().count() >= 4 && text.contains("config.toml"), "{text}");
    }
}
