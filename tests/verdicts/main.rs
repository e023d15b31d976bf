//! How often is the pattern named right, and how honest is the confidence?
//!
//! `cargo test --test verdicts -- --nocapture` prints the table.

mod case;
mod rendering;
mod score;
mod statistical;

#[test]
fn the_benchmark_stays_above_its_floor() {
    let mut answers = Vec::new();
    for class in statistical::CLASSES {
        for seed in 0..40 {
            answers.push(score::answer(&statistical::case(class, seed)));
        }
    }
    println!("{:?}", score::score(answers.iter()));
}

/// Writes the cases as files: `DROPSCOPE_VERDICTS_DIR=… cargo test --test verdicts -- --ignored`.
#[test]
#[ignore = "writes files for other programs"]
fn write_the_cases() {
    let Some(folder) = std::env::var_os("DROPSCOPE_VERDICTS_DIR") else { return };
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let seeds = std::env::var("DROPSCOPE_VERDICTS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut truths = serde_json::Map::new();
    for class in statistical::CLASSES {
        for seed in 0..seeds {
            let case = statistical::case(class, seed);
            let mut text = case.recording();
            if rendering::rendering(&case.events) == rendering::Rendering::Minimal {
                text = text.lines().map(|line| rendering::without_boot_clock(line) + "\n").collect();
            }
            std::fs::write(folder.join(format!("{}.jsonl", case.name)), text).expect("a file");
            let truth = serde_json::json!({"truth": case.truth, "also": case.also});
            truths.insert(format!("{}.jsonl", case.name), truth);
        }
    }
    let text = serde_json::to_string_pretty(&truths).expect("JSON");
    std::fs::write(folder.join("truth.json"), text).expect("a file");
}
