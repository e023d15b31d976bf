#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs
)]
use dropscope::classify::Classifier;
use dropscope::diagnostics::recording::Reader;
use std::collections::BTreeMap;
use std::io::BufReader;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let verbose = std::env::args().nth(2);
    let truth: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(format!("{dir}/truth.json")).unwrap()).unwrap();
    let mut per: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut bins = vec![(0.0, 0u32, 0u32); 10];
    let (mut ok, mut all, mut sure, mut sure_wrong, mut und, mut false_specific) = (0, 0, 0, 0, 0, 0);
    let mut t = std::time::Duration::ZERO;
    for (name, value) in &truth {
        let t0 = value["truth"].as_str().unwrap().to_owned();
        let also: Vec<String> = value["also"]
            .as_array()
            .map(|a| a.iter().map(|v| v.as_str().unwrap().to_owned()).collect())
            .unwrap_or_default();
        let path =
            if name.ends_with(".jsonl") { format!("{dir}/{name}") } else { format!("{dir}/{name}.jsonl") };
        let Ok(file) = std::fs::File::open(&path) else { continue };
        let mut reader = Reader::new(BufReader::new(file));
        let mut classifier = Classifier::new();
        let mut last = None;
        for observed in reader.by_ref().filter_map(Result::ok) {
            classifier.apply(observed.at, &observed.event);
            last = Some(observed.at);
        }
        let Some(last) = last else { continue };
        let s = std::time::Instant::now();
        let verdict = classifier.verdict_at(last);
        t += s.elapsed();
        let c = &verdict.classification;
        let got = c.pattern.name();
        let right = got == t0 || also.iter().any(|a| a == got);
        all += 1;
        ok += right as u32;
        let e = per.entry(t0.clone()).or_default();
        e.0 += right as u32;
        e.1 += 1;
        let b = ((c.confidence * 10.0) as usize).min(9);
        bins[b].0 += c.confidence;
        bins[b].1 += right as u32;
        bins[b].2 += 1;
        if c.confidence >= 0.9 {
            sure += 1;
            sure_wrong += !right as u32;
        }
        if t0 == "random" || t0 == "undetermined" {
            und += 1;
            if !right && !["random", "undetermined", "bursty"].contains(&got) {
                false_specific += 1;
            }
        }
        if let Some(v) = &verbose {
            if !right && (v == "all" || t0 == *v) {
                let top: Vec<String> = c
                    .hypotheses
                    .iter()
                    .take(4)
                    .map(|h| {
                        format!(
                            "{} {:.2} h{}/{:.0} bf{:.1}",
                            h.pattern, h.probability, h.hits, h.opportunities, h.log_bayes_factor
                        )
                    })
                    .collect();
                let tr = c.hypotheses.iter().find(|h| h.pattern.name() == t0).map(|h| {
                    format!(
                        "truth: {:.3} h{}/{:.0} bf{:.1}",
                        h.probability, h.hits, h.opportunities, h.log_bayes_factor
                    )
                });
                println!(
                    "{name} n={} got {got} {:.2}  also{also:?}\n     {}\n     {}",
                    c.drops,
                    c.confidence,
                    top.join(" | "),
                    tr.unwrap_or_default()
                );
            }
        }
    }
    for (k, (a, b)) in &per {
        println!("{k:22} {a:4}/{b:<4} {:.0}%", 100.0 * *a as f64 / *b as f64);
    }
    let ece: f64 =
        bins.iter().filter(|b| b.2 > 0).map(|b| (b.0 - b.1 as f64).abs()).sum::<f64>() / all as f64;
    for (i, b) in bins.iter().enumerate().filter(|(_, b)| b.2 > 0) {
        print!(
            "[{:.1}: conf {:.2} acc {:.2} n{}] ",
            i as f64 / 10.0,
            b.0 / b.2 as f64,
            b.1 as f64 / b.2 as f64,
            b.2
        );
    }
    println!(
        "\ntop1 {:.3}  ECE {ece:.3}  sure {sure} wrong {sure_wrong} ({:.3})  false specific {false_specific}/{und}  judge {:?}/case",
        ok as f64 / all as f64,
        sure_wrong as f64 / sure.max(1) as f64,
        t / all.max(1)
    );
}
