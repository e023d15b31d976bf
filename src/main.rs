//! The dropscope command.

use std::process::ExitCode;

use dropscope::config::environment;

fn main() -> color_eyre::Result<ExitCode> {
    let color = std::env::var_os(environment::NO_COLOR).is_none_or(|value| value.is_empty());
    dropscope::tui::install_panic_hook(color)?;
    dropscope::program::run()
}
