//! Time to look for known wordings in one line of another program's log.
//!
//! `cargo bench --bench explain`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dropscope::classify::{explain, explain_line};

const KNOWN: &str = "1733050000: Client kitchen has exceeded timeout, disconnecting.";
const UNKNOWN: &str =
    "2026-11-03 04:00:12 INFO  sensor[3]: published 128 bytes to house/kitchen/temperature, queue 0";

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("explain");
    group.bench_function("a known line", |bencher| bencher.iter(|| explain_line(black_box(KNOWN))));
    group.bench_function("an unknown line", |bencher| bencher.iter(|| explain_line(black_box(UNKNOWN))));
    group.bench_function("an unknown line, with similar words", |bencher| {
        bencher.iter(|| explain(black_box(UNKNOWN)));
    });
    group.finish();
}

criterion_group!(benches, lines);
criterion_main!(benches);
