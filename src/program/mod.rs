//! The commands of the program, each put together from the other modules.
//!
//! This module may use all others; only `main` uses it.

mod analyze;
mod aws;
mod check;
mod demo;
mod explain;
mod lab;
mod navien;
mod picture;
mod replay;
mod watch;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use color_eyre::eyre::WrapErr as _;

use crate::cli::{self, Cli, CliCommand, ConfigFileArgs, ConfigPart};
use crate::config::{
    self, ConfigError, ConnectionTarget, Directories, Environment, Options, ResolvedSettings,
};
use crate::exit::ExitReason;

/// Reads the command line and runs the command. Usage errors end the process with 2, as clap does.
///
/// # Errors
/// For failures of the program itself. A mistake that the user can correct is not an error here: it gives one
/// sentence on standard error and its exit code.
pub fn run() -> color_eyre::Result<ExitCode> {
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|usage| usage.exit());
    match cli.command {
        None => watch(cli.watch),
        Some(CliCommand::Demo(args)) => demo::demo(args),
        Some(CliCommand::Aws(args)) => aws::aws(args),
        Some(CliCommand::Lab(args)) => lab::lab(&args),
        Some(CliCommand::Navien(args)) => navien::navien(args),
        Some(CliCommand::Replay(args)) => replay::replay(&args),
        Some(CliCommand::Check(args)) => {
            let file = args.watch.file.clone();
            match settings(args.watch.into_options(), &file, ConnectionTarget::broker()) {
                Ok(settings) => runtime()?.block_on(check::check(&settings, args.format)),
                Err(error) => Ok(usage_error(&error)),
            }
        }
        Some(CliCommand::Explain(args)) => explain::explain(&args),
        Some(CliCommand::Analyze(args)) => analyze::analyze(&args),
        Some(CliCommand::Picture(args)) => picture::picture(&args),
        Some(CliCommand::Config(args)) => print_config(args),
        Some(CliCommand::Completions { shell }) => print(&cli::completions(shell)),
        Some(CliCommand::Man) => print(&cli::manual()?),
    }
}

fn watch(watch: cli::WatchArgs) -> color_eyre::Result<ExitCode> {
    let file = watch.file.clone();
    match settings(watch.into_options(), &file, ConnectionTarget::broker()) {
        Ok(settings) => runtime()?.block_on(watch::watch_broker(settings)),
        Err(error) => Ok(usage_error(&error)),
    }
}

fn settings(
    args: Options,
    file: &ConfigFileArgs,
    target: ConnectionTarget,
) -> Result<ResolvedSettings, ConfigError> {
    let directories = Directories::for_current_user();
    let file = config::load(file.config.as_deref(), &directories)?;
    let environment = Environment {
        variable: &|name| std::env::var(name).ok(),
        is_terminal: io::stdout().is_terminal(),
        directories,
        random: rand::random(),
    };
    config::resolve(args, file, target, &environment)
}

fn print_config(args: cli::ConfigArgs) -> color_eyre::Result<ExitCode> {
    let directories = Directories::for_current_user();
    let text = match args.what {
        ConfigPart::Template => config::TEMPLATE.to_owned(),
        ConfigPart::Path => directories.config_files.iter().fold(String::new(), |mut text, path| {
            text.push_str(&path.display().to_string());
            text.push('\n');
            text
        }),
        ConfigPart::Effective => {
            let effective = config::load(args.file.config.as_deref(), &directories)
                .and_then(|file| config::effective(args.options, file));
            match effective {
                Ok(text) => text,
                Err(error) => return Ok(usage_error(&error)),
            }
        }
    };
    print(text.as_bytes())
}

fn print(bytes: &[u8]) -> color_eyre::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitReason::Success.into()),
    }
}

/// One sentence on standard error, and the exit code for wrong usage.
fn usage_error(error: &dyn std::fmt::Display) -> ExitCode {
    // A closed standard error is ignored.
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitReason::UsageError.into()
}

/// Two workers: the link must not wait for a headless line or a lookup.
fn runtime() -> color_eyre::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .wrap_err("cannot start the async runtime")
}
