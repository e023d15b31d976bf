//! Files of all forms, whole and damaged, in one and in many.

use super::{AnalyzeFixture, REFERENCE, recorded_run, recording, text, without_input};

#[test]
fn a_recording_gives_the_same_result_as_file_directory_pattern_stream_and_parts() {
    let fixture = AnalyzeFixture::new();
    let lines = recorded_run(0, "client-7", 6);
    let whole = recording(&lines);
    fixture.write("whole/a.jsonl", &whole);
    let stem = "parts/dropscope_20260803_120000_client-7";
    for (number, part) in lines.chunks(13).enumerate() {
        let name =
            if number == 0 { format!("{stem}.jsonl") } else { format!("{stem}_{:04}.jsonl", number + 1) };
        fixture.write(&name, recording(part));
    }
    // The same parts under names of the user's own, and as a file that was rotated.
    for (number, part) in lines.chunks(20).enumerate() {
        fixture.write(&format!("named/{}.jsonl", ["x", "c", "q", "a"][number % 4]), recording(part));
        let name = match lines.chunks(20).count() - 1 - number {
            0 => "rotated/r.jsonl".to_owned(),
            age => format!("rotated/r.jsonl.{age}"),
        };
        fixture.write(&name, recording(part));
    }
    let expected = without_input(fixture.json(&["whole/a.jsonl"]));
    assert_eq!(expected["metrics"]["total_connection_drops"], 6);
    assert_eq!(expected["metrics"]["messages_received"], 30);
    for args in [
        &["whole"][..],
        &["who*/a.json?"],
        &["parts"],
        &["named"],
        &["rotated"],
        &["./whole/a.jsonl", "whole"],
    ] {
        assert_eq!(without_input(fixture.json(args)), expected, "{args:?}");
    }
    let piped = fixture.piped(&["-", "--format", "json"], whole.as_bytes(), &[]);
    let piped = serde_json::from_slice(&piped.stdout).expect("JSON");
    assert_eq!(without_input(piped), expected);
}

#[test]
fn runs_are_merged_by_time_regardless_of_argument_order() {
    let fixture = AnalyzeFixture::new();
    let (first, second) = (recorded_run(0, "client-7", 3), recorded_run(24 * 60, "client-7", 4));
    fixture.write("z.jsonl", recording(&first));
    fixture.write("a.jsonl", recording(&second));
    fixture.write("both.jsonl", recording(&first) + &recording(&second));
    let both = without_input(fixture.json(&["both.jsonl"]));
    assert_eq!(both["metrics"]["total_connection_drops"], 7);
    assert_eq!(without_input(fixture.json(&["a.jsonl", "z.jsonl"])), both);
    assert_eq!(without_input(fixture.json(&["z.jsonl", "a.jsonl"])), both);
}

#[test]
fn overlapping_recordings_of_different_clients_give_a_warning() {
    let fixture = AnalyzeFixture::new();
    fixture.write("a.jsonl", recording(&recorded_run(0, "client-7", 3)));
    fixture.write("b.jsonl", recording(&recorded_run(5, "client-8", 3)));
    fixture.write("c.jsonl", recording(&recorded_run(600, "client-9", 3)));
    let output = fixture.analyze(&["a.jsonl", "b.jsonl"]);
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("a.jsonl and b.jsonl overlap in time but watch different client ids"),
        "{stderr}"
    );
    assert!(output.status.success());
    assert_eq!(text(&fixture.analyze(&["a.jsonl", "c.jsonl"]).stderr), "");
}

#[test]
fn an_export_of_the_reference_and_a_recording_go_together() {
    let fixture = AnalyzeFixture::new();
    fixture.write("old.json", REFERENCE);
    fixture.write("new.jsonl", recording(&recorded_run(24 * 60, "client-7", 3)));
    let json = fixture.json(&["old.json"]);
    assert_eq!(json["metrics"]["total_connection_drops"], 2);
    assert_eq!(json["metrics"]["connect_failures"]["total"], 2);
    assert_eq!(json["input"]["files"][0]["form"], "reference_export");
    let remarks = json["input"]["files"][0]["remarks"].to_string();
    assert!(remarks.contains("6 messages were sent or queued; when is not listed"), "{remarks}");
    for args in [["old.json", "new.jsonl"], ["new.jsonl", "old.json"]] {
        let json = fixture.json(&args);
        assert_eq!(json["metrics"]["total_connection_drops"], 5, "{args:?}");
        // The day between the files was not watched.
        let observed = json["period"]["observed_secs"].as_f64().expect("a number");
        assert!((3_000.0..5_000.0).contains(&observed), "{observed}");
    }
    let piped = fixture.piped(&["-", "--format", "json"], REFERENCE.as_bytes(), &[]);
    let piped = serde_json::from_slice(&piped.stdout).expect("JSON");
    assert_eq!(without_input(piped), without_input(json));
}

#[test]
fn an_export_after_a_recording_counts_the_time_between_as_unwatched() {
    let fixture = AnalyzeFixture::new();
    fixture.write("old.json", REFERENCE);
    fixture
        .write("first.jsonl", recording(&recorded_run(0, "client-7", 1)).replace("2026-08-03", "2026-08-01"));
    let json = fixture.json(&["old.json", "first.jsonl"]);
    assert_eq!(json["metrics"]["total_connection_drops"], 3);
    let input = &json["input"];
    let by_file = input["files"].as_array().expect("files").iter().filter_map(|file| file["events"].as_u64());
    assert_eq!(input["events"].as_u64(), Some(by_file.sum()));
    let observed = json["period"]["observed_secs"].as_f64().expect("a number");
    assert!((2_000.0..2_500.0).contains(&observed), "{observed}");
}

#[test]
fn several_exports_of_a_run_and_its_recording_count_each_drop_once() {
    use dropscope::diagnostics::Diagnostics;
    use dropscope::diagnostics::recording::RecordingReader;
    use dropscope::export::{Export, ExportOptions};
    let fixture = AnalyzeFixture::new();
    let lines = recorded_run(0, "client-7", 6);
    fixture.write("all/run.jsonl", recording(&lines));
    for (number, upto) in [20, 45, lines.len()].into_iter().enumerate() {
        let (mut fold, mut last) = (Diagnostics::new(1_000), None);
        let part = recording(&lines[..upto]);
        for observed in RecordingReader::new(part.as_bytes()) {
            let observed = observed.expect("memory");
            fold.apply(observed.at, &observed.event);
            last = Some(observed.at);
        }
        let export = Export::of(&fold.snapshot(last.expect("an event")), None, &ExportOptions::default());
        fixture.write(&format!("all/{number}.json"), export.to_json().expect("JSON"));
    }
    for args in [&["all"][..], &["all/*.json"]] {
        let json = fixture.json(args);
        assert_eq!(json["metrics"]["total_connection_drops"], 6, "{args:?}");
        assert_eq!(json["metrics"]["connection_recovered"], 5, "{args:?}");
        assert!(json["input"]["events_told_twice"].as_u64().expect("a count") > 6);
    }
}

#[test]
fn bad_lines_are_counted_and_other_files_are_read() {
    let fixture = AnalyzeFixture::new();
    let good = recording(&recorded_run(0, "client-7", 3));
    let torn = format!("{good}not json\n\u{0}\u{1}\n{{\"t\":\"2026-08-03T15:00");
    fixture.write("torn.jsonl", torn);
    fixture.write("garbage.jsonl", (0..=255_u8).cycle().take(100_000).collect::<Vec<_>>());
    fixture.write("empty.jsonl", "");
    fixture.write("damaged.json", &REFERENCE[..REFERENCE.len() / 2]);
    fixture.write("packed.jsonl", b"\x1f\x8b\x08\x00\x00");
    let output = fixture.analyze(&["--format", "json", ".", "gone.jsonl"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["metrics"]["total_connection_drops"], 3);
    let file =
        json["input"]["files"].as_array().expect("files").iter().find(|file| file["name"] == "./torn.jsonl");
    let skipped = &file.expect("the torn file")["lines_skipped"];
    assert_eq!(*skipped, serde_json::json!({"total": 3, "malformed": 2, "oversized": 0, "torn": 1}),);
    for sentence in [
        "torn.jsonl: 3 of 43 lines could not be read",
        "nothing read from ./garbage.jsonl: no line is a dropscope event",
        "nothing read from ./empty.jsonl: it is empty",
        "nothing read from ./damaged.json: it looks like an export but is damaged",
        "nothing read from ./packed.jsonl: it is compressed: unpack it",
        "there is no file gone.jsonl",
    ] {
        assert!(stderr.contains(sentence), "{sentence}\n{stderr}");
    }
    assert_eq!(stderr.lines().count(), 6, "{stderr}");
}

#[test]
fn nothing_readable_ends_with_1_and_one_sentence() {
    let fixture = AnalyzeFixture::new();
    fixture.write("empty.jsonl", "");
    fixture.write("zeros.jsonl", [0; 5_000]);
    std::fs::create_dir(fixture.dir.path().join("folder")).expect("made");
    for (arg, sentence) in [
        ("empty.jsonl", "it is empty"),
        ("zeros.jsonl", "no line is a dropscope event"),
        ("folder", "there is no recording (*.jsonl) and no export (*.json) in folder"),
        ("gone.jsonl", "there is no file gone.jsonl"),
        ("gone*.jsonl", "no file matches gone*.jsonl"),
        ("-", "nothing read from standard input: it is empty"),
        ("bad\u{1b}]2", "there is no file bad\u{fffd}]2"),
    ] {
        let output = fixture.analyze(&[arg]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arg}: {stderr}");
        assert!(stderr.contains(sentence) && stderr.lines().count() == 1, "{arg}: {stderr}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(fixture.analyze(&[]).status.code(), Some(2));
}
