//! Comparison of a committed picture with what the program draws now.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

/// Where the README's pictures and the recording behind them are.
pub(crate) fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
}

/// Compares, without the carriage returns a checkout may add; `DROPSCOPE_WRITE_EXAMPLE=1` writes the picture first.
pub(crate) fn compare(name: &str, rendered: &str) {
    let path = assets().join(name);
    if std::env::var_os("DROPSCOPE_WRITE_EXAMPLE").is_some() {
        std::fs::write(&path, rendered).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("the picture");
    let differing = committed.lines().zip(rendered.lines()).find(|(committed, drawn)| committed != drawn);
    assert_eq!(differing, None, "DROPSCOPE_WRITE_EXAMPLE=1 writes {name} again");
    assert_eq!(committed.lines().count(), rendered.lines().count());
}
