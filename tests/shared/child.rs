//! The program as a child process with a home of its own and nothing else from outside.

use std::path::Path;
use std::process::{Command, Stdio};

/// The program without standard input, in an otherwise empty environment; its files are below `home`.
pub(crate) fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dropscope"));
    command.env_clear().current_dir(home).args(arguments).stdin(Stdio::null());
    for (name, folder) in [("HOME", ""), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config")] {
        command.env(name, home.join(folder));
    }
    command
}
