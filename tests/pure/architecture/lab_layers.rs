//! The modules of the lab depend in one direction.

use super::sources::{SourceFile, sources, top_modules_named};

/// Each module of the lab and the modules of the lab that it may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("sync", &[]),
    ("packet", &[]),
    ("aws", &["packet", "sync"]),
    ("transport", &["aws"]),
    ("broker", &["aws", "packet", "sync", "transport"]),
    ("demo_heater", &["broker", "packet"]),
    ("gateway", &["aws", "broker", "packet", "sync", "transport"]),
    ("scenario", &["gateway", "packet"]),
    ("setup", &["broker", "demo_heater", "gateway", "scenario", "transport"]),
    ("heater", &["broker", "packet", "sync"]),
    ("cloud", &["aws", "heater", "sync"]),
    ("navien", &["aws", "broker", "cloud", "gateway", "heater", "transport"]),
];

/// The modules of the lab that a file of the lab names.
fn lab_modules_named(source: &SourceFile) -> Vec<String> {
    // Paths below `crate::lab` become paths below `crate`; all other paths from the crate root are left out.
    let code =
        source.code.replace("crate::lab::", "LAB").replace("crate::", "root ").replace("LAB", "crate::");
    let named = top_modules_named(&source.module[1..], &code);
    named.into_iter().filter(|name| LAYERS.iter().any(|(layer, _)| layer == name)).collect()
}

#[test]
fn modules_of_the_lab_use_only_the_modules_below_them() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let [top, layer, ..] = &source.module[..] else { continue };
        if top != "lab" || source.code.is_empty() {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| name == layer) else {
            wrong.push(format!("{} has no rule", source.path.display()));
            continue;
        };
        for named in lab_modules_named(&source) {
            if named != *layer && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{} uses {named}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_module_of_the_lab_is_below_itself() {
    for (index, (layer, allowed)) in LAYERS.iter().enumerate() {
        for used in *allowed {
            let is_below = LAYERS[..index].iter().any(|(name, _)| name == used);
            assert!(is_below, "{layer} may use {used}, which is not listed before it");
        }
    }
}
