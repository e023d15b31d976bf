//! The commands: what each of them puts together from the rooms.
//!
//! Knows everybody, is known by `main` only.

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

use crate::cli::{self, Cli, Command, ConfigPart, FileOption};
use crate::config::{self, ConfigError, Directories, Options, Settings, Surroundings, Target};
use crate::exit::Code;

/// Reads the command line and runs the command. Usage errors end the process with 2, as clap does.
///
/// # Errors
/// When something breaks that is not the connection's fault; everything the user can mend is told in one
/// sentence on standard error and ends with its exit code instead.
pub fn run() -> color_eyre::Result<ExitCode> {
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|usage| usage.exit());
    match cli.command {
        None => watch(cli.watch),
        Some(Command::Demo(demo)) => demo::demo(demo),
        Some(Command::Aws(wanted)) => aws::aws(wanted),
        Some(Command::Lab(lab)) => lab::lab(&lab),
        Some(Command::Navien(wanted)) => navien::navien(wanted),
        Some(Command::Replay(wanted)) => replay::replay(&wanted),
        Some(Command::Check(check)) => {
            let file = check.watch.file.clone();
            match settings(check.watch.into_options(), &file, Target::Broker) {
                Ok(settings) => runtime()?.block_on(check::check(&settings, check.format)),
                Err(error) => Ok(refuse(&error)),
            }
        }
        Some(Command::Explain(wanted)) => explain::explain(&wanted),
        Some(Command::Analyze(wanted)) => analyze::analyze(&wanted),
        Some(Command::Picture(wanted)) => picture::picture(&wanted),
        Some(Command::Config(config)) => print_config(config),
        Some(Command::Completions { shell }) => print(&cli::completions(shell)),
        Some(Command::Man) => print(&cli::manual()?),
    }
}

fn watch(watch: cli::Watch) -> color_eyre::Result<ExitCode> {
    let file = watch.file.clone();
    match settings(watch.into_options(), &file, Target::Broker) {
        Ok(settings) => runtime()?.block_on(watch::broker(settings)),
        Err(error) => Ok(refuse(&error)),
    }
}

fn settings(said: Options, file: &FileOption, target: Target) -> Result<Settings, ConfigError> {
    let directories = Directories::of_this_user();
    let file = config::load(file.config.as_deref(), &directories)?;
    let surroundings = Surroundings {
        variable: &|name| std::env::var(name).ok(),
        is_terminal: io::stdout().is_terminal(),
        directories,
        random: rand::random(),
    };
    config::resolve(said, file, target, &surroundings)
}

fn print_config(wanted: cli::Config) -> color_eyre::Result<ExitCode> {
    let directories = Directories::of_this_user();
    let text = match wanted.what {
        ConfigPart::Template => config::TEMPLATE.to_owned(),
        ConfigPart::Path => directories.config_files.iter().fold(String::new(), |mut text, path| {
            text.push_str(&path.display().to_string());
            text.push('\n');
            text
        }),
        ConfigPart::Effective => {
            let effective = config::load(wanted.file.config.as_deref(), &directories)
                .and_then(|file| config::effective(wanted.options, file));
            match effective {
                Ok(text) => text,
                Err(error) => return Ok(refuse(&error)),
            }
        }
    };
    print(text.as_bytes())
}

fn print(bytes: &[u8]) -> color_eyre::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Code::Fine.into()),
    }
}

/// One sentence on standard error, and the exit code for wrong usage.
fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(io::stderr(), "error: {error}");
    Code::Usage.into()
}

/// Two workers: the link must not wait for a headless line or a lookup.
fn runtime() -> color_eyre::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .wrap_err("cannot start the async runtime")
}
