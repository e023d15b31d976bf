//! The fast and the general parser give the same event for every line.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::decode::parse_json_line;
use super::fast_parser::FastParser;

/// Numbers as our recorder, other programs and vandals write them.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..200_000_u32).prop_map(|number| number.to_string()),
        4 => "(0|[1-9][0-9]{0,9})\\.[0-9]{6}",
        4 => "(0|[1-9][0-9]{0,4})\\.[0-9]{1,17}",
        2 => any::<f64>().prop_map(|number| serde_json::to_string(&number.abs()).expect("JSON")),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        1 => "[0-9]{1,30}(\\.[0-9]{0,30})?",
        1 => "-?[0-9]{1,3}[eE][+-]?[0-9]{1,3}",
        1 => select(vec!["-0", "-1.5", "00", "01.5", "1.", ".5", "1e400", "null", "true", "\"1\"", "", "+1", "0.0"])
            .prop_map(str::to_owned),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        16 => "[ -~&&[^\"\\\\]]{0,40}",
        2 => "\\PC{0,20}",
        1 => "[a-z]{0,9}(\\\\n|\\\\u00e9|\\\\\"|\\\\ud83d\\\\ude00|\\\\ud800|\\\\x|\"|\t|\u{7f}|\u{0})[a-zü]{0,9}",
        1 => "[a-z]{250,270}",
    ]
    .prop_map(|text| format!("\"{text}\""))
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        16 => "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])T(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}Z",
        1 => "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z",
        1 => "2026-08-0[1-9][T ]12:00:[0-6][0-9](\\.[0-9]{1,9})?(Z|z|\\+02:00)",
        1 => Just("2026-02-29T23:59:60.000Z".to_owned()),
    ]
    .prop_map(|time| format!("\"{time}\""))
}

/// Mostly what belongs there, now and then any number.
fn usually(usual: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![12 => usual, 1 => number()]
}

fn boolean() -> impl Strategy<Value = String> {
    select(vec!["true"; 12].into_iter().chain(["false", "null", "1"]).collect::<Vec<_>>())
        .prop_map(str::to_owned)
}

/// A value that fits a key, most of the time.
fn value(key: &'static str) -> BoxedStrategy<String> {
    match key {
        "t" => time().boxed(),
        "ok" | "queued" => boolean().boxed(),
        "state" => select(vec![
            "\"sent\"",
            "\"sent\"",
            "\"lost\"",
            "\"queued\"",
            "\"dropped_full\"",
            "\"eaten\"",
            "null",
        ])
        .prop_map(str::to_owned)
        .boxed(),
        "m" => usually("(0|[1-9][0-9]{0,8})\\.[0-9]{6}").boxed(),
        "bytes" | "published" | "received" => usually("0|[1-9][0-9]{0,9}").boxed(),
        "rtt_ms" | "ms" | "window_secs" => usually("(0|[1-9][0-9]{0,4})(\\.[0-9]{1,17})?").boxed(),
        "topic" | "correlation_id" | "probe" | "target" | "name" | "color" => text().boxed(),
        "error" => prop_oneof![text(), Just("null".to_owned())].boxed(),
        "qos" => usually("[0-2]|25[3-6]").boxed(),
        _ => number().boxed(),
    }
}

/// The keys of the frequent kinds in the order in which the recorder writes them.
const RECORD_LAYOUTS: [(&str, &[&str]); 7] = [
    ("ping", &["rtt_ms"]),
    ("published", &["topic", "bytes", "queued", "correlation_id", "qos"]),
    ("received", &["topic", "bytes", "correlation_id", "qos"]),
    ("traffic", &["published", "received", "window_secs"]),
    ("probe", &["probe", "ok", "rtt_ms", "error", "target"]),
    ("command", &["correlation_id", "name", "state", "ms"]),
    ("pings", &["rtt_ms"]),
];

/// Members of an object: in the recorder's order with some left out, and now and then in another order, twice
/// or with a stranger among them.
fn members() -> impl Strategy<Value = Vec<(String, String)>> {
    let shape = select(RECORD_LAYOUTS.to_vec()).prop_flat_map(|(kind, keys)| {
        let fields: Vec<_> =
            keys.iter().map(|key| (Just(*key), value(key), prop::bool::weighted(0.9))).collect();
        (Just(kind), time(), prop::option::weighted(0.95, value("m")), fields)
    });
    let members = shape.prop_map(|(kind, t, m, fields)| {
        let mut members = vec![("t".to_owned(), t)];
        members.extend(m.map(|m| ("m".to_owned(), m)));
        members.push(("kind".to_owned(), format!("\"{kind}\"")));
        members.extend(
            fields
                .into_iter()
                .filter(|(_, _, is_present)| *is_present)
                .map(|(key, value, _)| (key.to_owned(), value)),
        );
        members
    });
    (members, 0..30_u8, any::<Index>(), any::<Index>(), value("color"), value("bytes")).prop_map(
        |(mut members, change, one, other, text, number)| {
            let (one, other) = (one.index(members.len()), other.index(members.len()));
            match change {
                0 => members.swap(one, other),
                1 => members.insert(one, members[other].clone()),
                2 => members.insert(one, ("color".to_owned(), text)),
                3 => members.insert(one, (members[other].0.clone(), number)),
                4 => members[one].1 = text,
                _ => {}
            }
            members
        },
    )
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let space = prop_oneof![20 => Just(""), 1 => Just(" "), 1 => Just("\t\r")];
    (members(), space, 0..40_u8, any::<Index>(), any::<u8>()).prop_map(
        |(members, space, damage, index, byte)| {
            let members: Vec<_> = members
                .into_iter()
                .map(|(key, value)| format!("{space}\"{key}\"{space}:{space}{value}"))
                .collect();
            let mut line = format!("{{{}{space}}}", members.join(",")).into_bytes();
            let at = index.index(line.len());
            match damage {
                0 => line[at] = byte,
                1 => line.truncate(at),
                2 => line.insert(at, byte),
                3 => line.push(byte),
                _ => {}
            }
            line
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fast_parser_agrees_with_serde_parser(lines in prop::collection::vec(line(), 1..4)) {
        // One parser for several lines: what it caches must not leak from one into the next.
        let mut fast = FastParser::default();
        for line in lines {
            if let Some(read) = fast.parse_line(&line) {
                prop_assert_eq!(parse_json_line(&line), Some(read), "{}", String::from_utf8_lossy(&line));
            }
        }
    }
}

#[test]
fn generated_lines_reach_both_parsers() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut fast = FastParser::default();
    let (mut by_fast, mut by_general, mut by_none) = (0, 0, 0);
    for _ in 0..2_000 {
        let line = line().new_tree(&mut runner).expect("a line").current();
        match (fast.parse_line(&line), parse_json_line(&line)) {
            (Some(_), _) => by_fast += 1,
            (None, Some(_)) => by_general += 1,
            (None, None) => by_none += 1,
        }
    }
    assert!(by_fast > 200 && by_general > 200 && by_none > 200, "{by_fast} {by_general} {by_none}");
}
