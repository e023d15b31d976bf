//! Options in, settings out.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::CommandFactory as _;
use secrecy::ExposeSecret;

use super::*;
use crate::cli::Cli;
use crate::diagnostics::{Transport, VersionChoice};
use crate::logging::{LogSettings, Verbosity};
use crate::mqtt::PlannedReconnect;
use crate::mqtt::settings::{AddressFamily, PingPolicy};

fn test_directories() -> Directories {
    Directories { config_files: vec!["/nowhere/config.toml".into()], state: "/state".into() }
}

fn parse_args(line: &str) -> Options {
    let words = std::iter::once("dropscope").chain(line.split_whitespace());
    Cli::read(words.map(OsString::from)).expect(line).watch.into_options()
}

fn file(text: &str) -> Options {
    file::parse(text, Path::new("c.toml")).expect(text)
}

fn settings_in(line: &str, text: &str, variables: &[(&str, &str)]) -> Result<ResolvedSettings, ConfigError> {
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let environment =
        Environment { variable: &variable, is_terminal: true, directories: test_directories(), random: 0x1f };
    resolve(parse_args(line), file(text), ConnectionTarget::broker(), &environment)
}

fn settings(line: &str) -> ResolvedSettings {
    settings_in(line, "", &[]).expect(line)
}

fn error_for(line: &str, text: &str) -> String {
    settings_in(line, text, &[]).expect_err(line).to_string()
}

#[test]
fn defaults_apply_without_options() {
    let all = settings("h");
    assert_eq!(all.link.client_id, "dropscope-0000001f");
    assert_eq!((all.link.keep_alive_secs, all.link.version), (60, VersionChoice::Auto));
    assert!(all.link.clean_session && all.link.subscriptions.is_empty() && all.link.tcp_keep_alive.is_none());
    assert_eq!(all.recording.destination, RecordingDestination::Directory("/state/recordings".into()));
    assert_eq!((all.recording.max_bytes, all.recording.max_files), (64 << 20, 8));
    assert_eq!(
        all.export,
        ExportSettings { dir: "/state/exports".into(), file: None, every: None, redact: true }
    );
    assert!(!all.run.headless && all.run.duration.is_none() && all.run.max_events == 1_000);
    assert!(all.ui.mouse && !all.ui.no_color && !all.ui.ascii);
    assert_eq!(all.log, LogSettings { file: "/state/dropscope.log".into(), verbosity: Verbosity::Normal });
}

#[test]
fn the_sample_file_equals_the_defaults() {
    for line in ["h", "h --export-file f"] {
        for variables in [&[][..], &[("NO_COLOR", "1"), ("LANG", "C")]] {
            let from_sample = settings_in(line, TEMPLATE, variables).expect("the sample");
            let from_nothing = settings_in(line, "", variables).expect("the defaults");
            assert_eq!(format!("{from_sample:?}"), format!("{from_nothing:?}"));
        }
    }
}

#[test]
fn the_sample_file_has_every_flag_and_nothing_else() {
    // With all examples switched on it must still be a file that is understood.
    let all: String = TEMPLATE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(example) if example.contains(" = ") || example.starts_with("[[") => format!("{example}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    file(&all);
    let keys: Vec<&str> = all
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .collect();
    for argument in Cli::command().get_arguments() {
        let Some(long) = argument.get_long().filter(|long| !matches!(*long, "help" | "version" | "config"))
        else {
            continue;
        };
        assert!(keys.contains(&long), "{long} is missing");
    }
}

#[test]
fn each_flag_sets_its_setting() {
    let all = settings(
        "mqtts://h --client-id me --username u --ipv6 --tcp-keep-alive 30 --mqtt-version 3.1.1 -k 0 --ping-timeout 3s \
         --ping-policy when-idle --no-clean-session -t a/+ -t b/# --qos 1 --command-queue 5 --cafile ca --cert c \
         --key k --servername s --alpn mqtt --initial-reconnect-delay 1 --max-reconnect-delay 5m \
         --deep-reconnect-threshold 2 --max-reconnect-attempts 9 --record r.jsonl --record-size 1 --record-files 2 \
         --export-dir d --export-file f.json --export-every 10s --no-redact --json --duration 90 \
         --fail-on drops>0 --max-events 7 --no-color --ascii --no-mouse --log-file l -v",
    );
    let link = &all.link;
    assert_eq!(
        (link.client_id.as_str(), link.username.as_deref(), link.family),
        ("me", Some("u"), AddressFamily::V6)
    );
    assert_eq!(link.tcp_keep_alive, Some(Duration::from_secs(30)));
    assert_eq!((link.version, link.keep_alive_secs), (VersionChoice::V311, 0));
    assert_eq!((link.ping_timeout, link.ping_policy), (Duration::from_secs(3), PingPolicy::WhenIdle));
    assert!(!link.clean_session);
    assert_eq!(link.subscriptions, [("a/+".to_owned(), 1), ("b/#".to_owned(), 1)]);
    assert_eq!(link.queue.capacity, 5);
    assert_eq!(link.tls.ca_file.as_deref(), Some(Path::new("ca")));
    assert_eq!((link.tls.server_name.as_deref(), link.tls.alpn.len()), (Some("s"), 1));
    assert!(link.tls.certificate.is_some() && link.tls.private_key.is_some());
    assert_eq!((link.backoff.initial, link.backoff.max), (Duration::from_secs(1), Duration::from_secs(300)));
    assert_eq!((link.backoff.deep_threshold, link.backoff.max_attempts), (2, Some(9)));
    assert_eq!(
        all.recording,
        RecordingSettings {
            destination: RecordingDestination::File("r.jsonl".into()),
            max_bytes: 1 << 20,
            max_files: 2
        }
    );
    let export = ExportSettings {
        dir: "d".into(),
        file: Some("f.json".into()),
        every: Some(Duration::from_secs(10)),
        redact: false,
    };
    assert_eq!(all.export, export);
    assert!(all.run.headless && all.run.json && all.run.fail_on.len() == 1 && all.run.max_events == 7);
    assert_eq!(all.run.duration, Some(Duration::from_secs(90)));
    assert!(all.ui.no_color && all.ui.ascii && !all.ui.mouse);
    assert_eq!(all.log, LogSettings { file: "l".into(), verbosity: Verbosity::Verbose });
}

#[test]
fn planned_reconnect_applies_only_to_connections_with_a_known_limit() {
    let planned = |line: &str| settings(line).link.planned_reconnect;
    assert_eq!(planned("wss://a.iot.us-east-1.amazonaws.com --planned-margin 5m"), None);
    let day = Some(Duration::from_secs(86_400));
    let at_aws = planned("wss://a.iot.us-east-1.amazonaws.com --planned-reconnect --planned-margin 5m");
    let margin = Some(Duration::from_secs(300));
    assert_eq!(at_aws, Some(PlannedReconnect { margin, websocket_limit: day }));
    for line in ["mqtts://a.iot.us-east-1.amazonaws.com", "wss://broker.example"] {
        let elsewhere = planned(&format!("{line} --planned-reconnect"));
        assert_eq!(elsewhere, Some(PlannedReconnect::default()), "{line}");
    }
    for margin in ["0", "1d"] {
        let error = error_for(&format!("h --planned-margin {margin}"), "");
        assert_eq!(error, "--planned-margin must be above 0 and below 1d.");
    }
}

#[test]
fn flags_come_before_the_file_and_opposites_replace_each_other() {
    let text = "[broker]\nurl = 'ws://f/x'\nipv4 = true\n[mqtt]\nkeep-alive = '5m'\nqos = 1\n[record]\nno-record = true\n\
                [run]\nheadless = true\n[log]\nverbose = 2\n[keys]\nexport = ['x']";
    let from_file = settings_in("", text, &[]).expect("a file");
    assert_eq!((from_file.link.broker.host.as_str(), from_file.link.keep_alive_secs), ("f", 300));
    assert_eq!(
        (from_file.recording.destination, from_file.log.verbosity),
        (RecordingDestination::Off, Verbosity::Trace)
    );
    assert_eq!(from_file.ui.keys.get("export"), Some(&vec!["x".to_owned()]));
    assert!(from_file.run.headless);
    let over = settings_in("g --ipv6 -k 20 --record r --headless=false -v", text, &[]).expect("both");
    assert_eq!((over.link.broker.host.as_str(), over.link.keep_alive_secs), ("g", 20));
    assert_eq!(
        (over.link.family, over.recording.destination),
        (AddressFamily::V6, RecordingDestination::File("r".into()))
    );
    assert_eq!((over.run.headless, over.log.verbosity), (false, Verbosity::Verbose));
}

#[test]
fn the_password_precedence_holds_and_debug_output_hides_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("password");
    std::fs::write(&path, "from-file\nsecond line\n").expect("a file");
    let path = path.display();
    let by_file = format!("[broker]\nurl = 'mqtt://fu:from-file-url@f'\npassword-file = '{path}'");
    let environment = [("DROPSCOPE_PASSWORD", "from-environment")];
    let cases = [
        (format!("mqtt://u:from-url@h --password-file {path}"), "", &environment[..], "u", "from-file"),
        ("mqtt://u:from-url@h".to_owned(), "", &environment, "u", "from-url"),
        ("--username x".to_owned(), by_file.as_str(), &environment, "x", "from-environment"),
        (String::new(), &by_file, &[], "fu", "from-file"),
        (String::new(), "[broker]\nurl = 'mqtt://fu:from-file-url@f'", &[], "fu", "from-file-url"),
    ];
    for (line, text, variables, user, password) in cases {
        let link = settings_in(&line, text, variables).expect(&line).link;
        assert_eq!(link.username.as_deref(), Some(user), "{line}");
        assert_eq!(link.password.as_ref().map(ExposeSecret::expose_secret), Some(password), "{line}");
        assert!(!format!("{link:?}").contains(password), "{line}");
    }
    let other =
        settings_in("g", "[broker]\nurl = 'mqtt://fu:from-file-url@f'", &[]).expect("another broker").link;
    assert!(other.username.is_none() && other.password.is_none());
}

#[test]
fn the_environment_decides_colors_and_characters() {
    let cases = [
        (&[("NO_COLOR", "1")][..], (true, false)),
        (&[("NO_COLOR", "")], (false, false)),
        (&[("LANG", "C")], (false, true)),
        (&[("LC_ALL", "en_US.UTF-8"), ("LANG", "C")], (false, false)),
        (&[("TERM", "dumb")], (false, true)),
    ];
    for (variables, expected) in cases {
        let ui = settings_in("h", "", variables).expect("settings").ui;
        assert_eq!((ui.no_color, ui.ascii), expected, "{variables:?}");
    }
    assert!(!settings_in("h --ascii=no", "", &[("LANG", "C")]).expect("settings").ui.ascii);
}

#[test]
fn the_embedded_broker_needs_no_url_and_gets_no_credentials() {
    let variable = |name: &str| (name == "DROPSCOPE_PASSWORD").then(|| "secret".to_owned());
    let environment =
        Environment { variable: &variable, is_terminal: false, directories: test_directories(), random: 1 };
    let text = "[broker]\nurl = 'wss://f'\nusername = 'u'\n[tls]\ncafile = 'ca'\n[mqtt]\nping-timeout = '9s'";
    let embedded = EmbeddedBroker {
        transport: Transport::Ws,
        version: VersionChoice::V5,
        keep_alive_secs: 600,
        ping_timeout: Duration::from_secs(20),
    };
    let all = resolve(parse_args("-k 5"), file(text), ConnectionTarget::embedded(embedded), &environment)
        .expect("a demo");
    assert_eq!((all.link.broker.host.as_str(), all.link.keep_alive_secs), ("127.0.0.1", 5));
    assert_eq!((all.link.broker.transport, all.link.version), (Transport::Ws, VersionChoice::V5));
    assert_eq!(all.link.ping_timeout, Duration::from_secs(20), "the file is about another broker");
    assert!(all.link.username.is_none() && all.link.password.is_none() && all.link.tls.ca_file.is_none());
    assert!(all.run.headless, "standard output is no terminal");
}

#[test]
fn each_broken_rule_has_its_error_message() {
    let cases = [
        ("", "", "Which broker? Give a URL, as in: dropscope mqtt://broker.example (or try: dropscope demo)"),
        (
            "http://h",
            "",
            "The broker URL is not usable: `http://` is not an MQTT transport; use mqtt://, mqtts://, ws:// or wss://.",
        ),
        ("h --client-id=", "", "The client id is empty; leave --client-id out to get a generated one."),
        (
            "h --client-id \u{7f}",
            "",
            "The client id must be at most 65535 bytes long and free of control characters.",
        ),
        (
            "h --no-clean-session",
            "",
            "A persistent session needs a client id: set one, or use a clean session.",
        ),
        ("mqtt://:p@h", "", "There is a password but no user name: set a user name."),
        (
            "h -t a#",
            "",
            "`a#` is not a valid topic filter: `#` may only stand alone at the end and `+` alone between slashes.",
        ),
        ("h", "[mqtt]\nqos = 2", "Quality of service 2 is not supported: use 0 or 1."),
        ("h --ping-timeout 0", "", "--ping-timeout must be from 100ms to 1h."),
        ("mqtts://h --cert c", "", "--cert and --key belong together; give both or neither."),
        (
            "mqtt://h --cafile c",
            "",
            "--cafile has no effect without TLS; use mqtts:// or wss:// in the broker URL.",
        ),
        ("mqtts://h --alpn=", "", "--alpn needs protocol names of 1 to 255 bytes."),
        (
            "h",
            "[broker]\nipv4 = true\nipv6 = true",
            "--ipv4 and --ipv6 are mutually exclusive; give one of them.",
        ),
    ];
    for (line, text, sentence) in cases {
        assert_eq!(error_for(line, text), sentence);
    }
}

#[test]
fn each_number_out_of_range_has_its_error_message() {
    let cases = [
        ("[::1] --ipv4", "", "The broker address is IPv6, but --ipv4 is set."),
        ("127.0.0.1 --ipv6", "", "The broker address is IPv4, but --ipv6 is set."),
        (
            "h --initial-reconnect-delay 61",
            "",
            "--initial-reconnect-delay must be above 0 and not above --max-reconnect-delay.",
        ),
        ("h --max-reconnect-delay 2d", "", "--max-reconnect-delay must be at most 1d."),
        ("h --deep-reconnect-threshold 0", "", "--deep-reconnect-threshold must be at least 1."),
        ("h --command-queue 0", "", "--command-queue must be from 1 to 100000."),
        ("h --max-events 0", "", "--max-events must be from 1 to 1000000."),
        ("h --record-size 0", "", "--record-size must be from 1 to 65536."),
        ("h --record-files 1001", "", "--record-files must be from 1 to 1000."),
        (
            "h",
            "[record]\nrecord = 'x'\nno-record = true",
            "--record and --no-record are mutually exclusive; give one of them.",
        ),
        ("h --export-every 10ms", "", "--export-every must be at least 1s, or 0 for never."),
        ("h --duration 0", "", "--duration must be above 0."),
    ];
    for (line, text, sentence) in cases {
        assert_eq!(error_for(line, text), sentence);
    }
}

#[test]
fn bad_files_are_named_with_line_and_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    let name = path.display().to_string();
    let load = || load(Some(&path), &test_directories()).expect_err("a bad file").to_string();
    assert_eq!(load(), format!("There is no configuration file {name}."));
    let cases = [
        (
            "[mqtt]\n\nkeepalive = 3\n",
            "has an unknown key `keepalive` in line 3; known there: mqtt-version, keep-alive, ping-timeout, ping-policy, \
             no-clean-session, topic, qos, command-queue, quiet-link.",
        ),
        (
            "[mqtt]\nkeep-alive = 70000\n",
            "is not valid in line 2: the keep-alive must be 0 (off) or 1 to 65535 whole seconds, as in 60 or 60s.",
        ),
        (
            "[run]\nfail-on = ['drops']\n",
            "is not valid in line 2: write a condition as NAME, comparison, limit: drops>0, availability<99.9, mttr>5s \
             or mtbf<1h.",
        ),
    ];
    for (text, rest) in cases {
        std::fs::write(&path, text).expect("a file");
        assert_eq!(load(), format!("The configuration file {name} {rest}"));
    }
    std::fs::write(&path, "[mqtt\n").expect("a file");
    assert!(
        load().starts_with(&format!("The configuration file {name} is not valid in line 1: ")),
        "{}",
        load()
    );

    let missing = folder.path().join("no-password");
    let sentence = error_for(&format!("u@h --password-file {}", missing.display()), "");
    assert!(
        sentence.starts_with(&format!("The password file {} cannot be read: ", missing.display())),
        "{sentence}"
    );
    std::fs::write(&path, "\n").expect("a file");
    assert_eq!(
        error_for(&format!("u@h --password-file {name}"), ""),
        format!("The password file {name} is empty.")
    );
    assert_eq!(
        error_for(&format!("h --log-file {}", folder.path().display()), ""),
        "The setting for --log-file is a directory; name a file in it."
    );
}

#[test]
fn default_files_are_optional_and_the_first_found_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    let directories =
        Directories { config_files: vec![first.clone(), second.clone()], state: "/state".into() };
    assert_eq!(load(None, &directories), Ok(Options::default()));
    std::fs::write(&second, "[mqtt]\nqos = 1").expect("a file");
    assert_eq!(load(None, &directories).expect("the second").mqtt.qos, Some(1));
    std::fs::write(&first, "[mqtt]\nqos = 0").expect("a file");
    assert_eq!(load(None, &directories).expect("the first").mqtt.qos, Some(0));
}

#[test]
fn the_effective_configuration_round_trips_without_secrets() {
    let text =
        effective(parse_args("mqtts://u:topsecret@h/ -k 240 -t a"), file("[mqtt]\nqos = 1")).expect("a file");
    assert!(!text.contains("topsecret"), "{text}");
    assert!(text.contains("url = \"mqtts://h/\"") && text.contains("keep-alive = \"240s\""), "{text}");
    let again = settings_in("", &text, &[]).expect("the printed file");
    assert_eq!((again.link.keep_alive_secs, again.link.subscriptions), (240, vec![("a".to_owned(), 1)]));
}
