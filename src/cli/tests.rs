//! Command lines in, commands out.

use super::*;
use crate::config::{HumanDuration, KeepAlive};

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(line.split_whitespace().map(OsString::from))
}

fn message(line: &str) -> String {
    let text = read(line).expect_err("bad usage").to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn the_declaration_is_consistent() {
    command().debug_assert();
}

#[test]
fn a_url_alone_is_watched_and_words_are_commands() {
    let cli = read("dropscope mqtt://h").expect("a watch");
    assert!(cli.command.is_none());
    assert_eq!(cli.watch.url, Some(BrokerUrl::new("mqtt://h")));

    let Some(CliCommand::Demo(demo)) =
        read("dropscope demo --seed 7 --headless --json").expect("a demo").command
    else {
        panic!("no demo");
    };
    assert_eq!(
        (demo.play.seed, demo.options.run.headless, demo.options.run.json),
        (Some(7), Some(true), Some(true))
    );

    let Some(CliCommand::Check(check)) =
        read("dropscope check --format json wss://h -k 30s").expect("a check").command
    else {
        panic!("no check");
    };
    assert_eq!(check.format, CheckFormat::Json);
    let options = check.watch.into_options();
    assert_eq!(options.broker.url, Some(BrokerUrl::new("wss://h")));
    assert_eq!(options.mqtt.keep_alive, Some(KeepAlive(30)));

    let Some(CliCommand::Explain(explain)) =
        read("dropscope explain rc -2 --format markdown").expect("an explanation").command
    else {
        panic!("no explanation");
    };
    assert_eq!((explain.text, explain.format), (vec!["rc".into(), "-2".into()], ExplainFormat::Markdown));

    for (line, part) in [
        ("dropscope config", ConfigPart::Template),
        ("dropscope config path", ConfigPart::Path),
        ("dropscope config effective --qos 1", ConfigPart::Effective),
    ] {
        assert!(
            matches!(read(line).expect(line).command, Some(CliCommand::Config(config)) if config.what == part)
        );
    }
}

#[test]
fn switches_take_no_value_unless_joined() {
    let on = read("dropscope --headless mqtt://h").expect("a watch");
    assert_eq!(on.watch.options.run.headless, Some(true));
    assert_eq!(on.watch.url, Some(BrokerUrl::new("mqtt://h")));
    let off = read("dropscope --headless=no mqtt://h").expect("a watch");
    assert_eq!(off.watch.options.run.headless, Some(false));
    let later = read("dropscope --ipv4 --ipv6 h").expect("a watch").watch.options.broker;
    assert_eq!((later.ipv4, later.ipv6), (None, Some(true)));
}

#[test]
fn the_password_flags_override_each_other() {
    for (flags, remember, forget) in [
        ("", None, None),
        ("--remember-password", Some(true), None),
        ("--remember-password=no", Some(false), None),
        ("--remember-password --forget-password", None, Some(true)),
        ("--forget-password --remember-password", Some(true), None),
    ] {
        let cli = read(&format!("dropscope navien {flags}")).expect("a watch");
        let Some(CliCommand::Navien(navien)) = cli.command else { panic!("another command") };
        assert_eq!((navien.remember_password, navien.forget_password), (remember, forget), "{flags}");
    }
}

#[test]
fn repeated_and_joined_values_add_up() {
    let options =
        read("dropscope h -t a -t b/# --alpn mqtt --alpn x --fail-on drops>0,mttr>5s --fail-on mtbf<1h -vv")
            .expect("a watch")
            .watch
            .options;
    assert_eq!(options.mqtt.topic, Some(vec!["a".to_owned(), "b/#".to_owned()]));
    assert_eq!(options.tls.alpn, Some(vec!["mqtt".to_owned(), "x".to_owned()]));
    assert_eq!(options.run.fail_on.map(|conditions| conditions.len()), Some(3));
    assert_eq!(options.log.verbose, 2);
    let options =
        read("dropscope h --duration 24h --max-reconnect-attempts -1").expect("a watch").watch.options;
    assert_eq!(options.run.duration, Some(HumanDuration(std::time::Duration::from_secs(86_400))));
}

#[test]
fn bad_values_are_rejected_with_a_message() {
    let cases = [
        (
            "dropscope h -k 65536",
            "error: invalid value '65536' for '--keep-alive <SECONDS>': \
             the keep-alive must be 0 (off) or 1 to 65535 whole seconds, as in 60 or 60s",
        ),
        (
            "dropscope h --duration soon",
            "error: invalid value 'soon' for '--duration <TIME>': \
             write a duration as seconds (90, 0.5) or with units (500ms, 5m, 24h, 1d 12h)",
        ),
        (
            "dropscope h --max-reconnect-attempts -2",
            "error: invalid value '-2' for '--max-reconnect-attempts <COUNT>': \
             write the number of attempts as 0 or more, or -1 for no limit",
        ),
        (
            "dropscope h --fail-on drops=1",
            "error: invalid value 'drops=1' for '--fail-on <CONDITION>': \
             write a condition as NAME, comparison, limit: drops>0, availability<99.9, mttr>5s or mtbf<1h",
        ),
        ("dropscope h -q 2", "error: invalid value '2' for '--qos <0|1>': 2 is not in 0..=1"),
        ("dropscope h --password x", "error: unexpected argument '--password' found"),
    ];
    for (line, expected) in cases {
        assert_eq!(message(line), expected);
    }
}

#[test]
fn the_debug_form_of_a_command_line_shows_no_password() {
    let cli = read("dropscope mqtt://u:topsecret@h").expect("a watch");
    assert!(!format!("{cli:?}").contains("topsecret"));
}

#[test]
fn every_flag_has_its_variable_and_its_help() {
    for command in [command()].iter().flat_map(|cli| std::iter::once(cli).chain(cli.get_subcommands())) {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            assert!(argument.get_help().is_some(), "{name}");
            let Some(long) = argument.get_long().filter(|long| !matches!(*long, "help" | "version")) else {
                continue;
            };
            let variable = format!("DROPSCOPE_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(variable.as_str()));
        }
    }
}

#[test]
fn completions_and_the_manual_mention_the_commands() {
    for shell in clap_complete::Shell::value_variants() {
        let script = String::from_utf8(completions(*shell)).expect("text");
        assert!(script.contains("demo") && script.contains("keep-alive"), "{shell}");
    }
    let page = String::from_utf8(manual().expect("a page")).expect("text");
    assert!(page.contains("dropscope\\-demo") && page.contains("fail\\-on"), "{page}");
}

#[test]
fn a_picture_has_a_size_and_a_screen_and_is_not_advertised() {
    let picture = |line: &str| match read(line).expect("a picture").command {
        Some(CliCommand::Picture(picture)) => picture,
        other => panic!("{other:?}"),
    };
    let usual = picture("dropscope picture day.jsonl");
    assert_eq!((usual.size.into(), usual.screen), ((120_u16, 40_u16), PictureScreen::Overview));
    let drop = picture("dropscope picture day.jsonl --size 100x32 --screen drop");
    assert_eq!((drop.size.into(), drop.screen), ((100_u16, 32_u16), PictureScreen::Drop));
    for size in ["0x1", "501x3", "x", "12", "-1x4", "1x1x1"] {
        assert!(read(&format!("dropscope picture day.jsonl --size={size}")).is_err(), "{size}");
    }
    assert!(!command().render_long_help().to_string().contains("picture"));
}
