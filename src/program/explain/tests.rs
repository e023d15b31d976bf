//! Input is read as documented, and the page keeps its width.

use super::*;
use unicode_width::UnicodeWidthStr;

fn report_of(input: &[u8]) -> ExplainReport {
    let mut report = ExplainReport::new();
    read(input, &mut report).expect("memory can be read");
    report.finish()
}

fn ids(report: &ExplainReport) -> Vec<(u64, &str)> {
    let mut ids = Vec::new();
    for group in &report.explanations {
        ids.push((group.count, group.explanation.found.as_ref().map_or("-", |meaning| &*meaning.id)));
    }
    ids
}

const LOG: &str = "\
1: New client connected from 10.0.0.2:5000 as a (p2, c1, k60).
2: Client a has exceeded timeout, disconnecting.
3: some line of another kind

4: New client connected from 10.0.0.2:5001 as a (p2, c1, k60).
5: Client a has exceeded timeout, disconnecting.
6: New client connected from 10.0.0.2:5002 as a (p2, c1, k60).
7: Socket error on client a, disconnecting.
";

#[test]
fn a_log_is_counted_with_trouble_first() {
    let report = report_of(LOG.as_bytes());
    assert_eq!((report.lines, report.unknown_lines), (7, 1));
    let expected =
        [(2, "mosquitto_exceeded_timeout"), (1, "mosquitto_socket_error"), (3, "mosquitto_connected")];
    assert_eq!(ids(&report), expected);
}

#[test]
fn json_of_several_lines_is_one_event_and_a_list_is_many() {
    let event = "{\n  \"clientId\": \"ECONNRESET\",\n  \"disconnectReason\": \"DUPLICATE_CLIENTID\"\n}\n";
    assert_eq!(ids(&report_of(event.as_bytes())), [(1, "lifecycle_duplicate_client_id")]);
    let list = format!("[{event},\n{event}]");
    assert_eq!(ids(&report_of(list.as_bytes())), [(2, "lifecycle_duplicate_client_id")]);
    let lines = event.replace('\n', "") + "\n" + &event.replace('\n', "") + "\n";
    assert_eq!(ids(&report_of(lines.as_bytes())), [(2, "lifecycle_duplicate_client_id")]);
}

#[test]
fn long_lines_invalid_text_and_empty_input_are_accepted() {
    let mut input = b"ECONNRESET ".to_vec();
    input.extend(std::iter::repeat_n(b'x', 200_000));
    input.extend(b"\n\xff\xfe ECONNREFUSED\nETIMEDOUT");
    let report = report_of(&input);
    assert_eq!(report.lines, 3);
    assert_eq!(ids(&report).len(), 3);
    assert!(!report_of(b"").is_known());
    assert_eq!(report_of(b"\n\n").lines, 0);
}

#[test]
fn pages_keep_their_width_and_color_is_optional() {
    for input in [LOG, "rc=5", "ECONNRESTE", "aws error 5134", ""] {
        let report = report_of(input.as_bytes());
        for width in [40, 80, 200] {
            let plain = page::page(&report, width, false).expect("memory can be written");
            assert!(!plain.contains('\x1b'));
            let widest =
                plain.lines().filter(|line| line.starts_with("   ")).map(UnicodeWidthStr::width).max();
            // Titles and names of causes are not broken.
            assert!(widest.unwrap_or(0) <= usize::from(width.max(60)), "{plain}");
            let colored = page::page(&report, width, true).expect("memory can be written");
            let without_color = ["\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"]
                .iter()
                .fold(colored, |text, style| text.replace(style, ""));
            assert_eq!(without_color, plain);
        }
    }
}

#[test]
fn markdown_quotes_the_input_as_code() {
    let report = report_of(b"`x` <b> ECONNRESET | *");
    let text = markdown::markdown(&report).expect("memory can be written");
    assert!(text.contains("`` `x` <b> ECONNRESET | * ``"), "{text}");
    assert!(text.contains("| 28 % | a router forgets the silent connection |"), "{text}");
}
