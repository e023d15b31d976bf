//! One name, one thing: no type name is defined in two modules.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{product_code, sources, types_defined};

/// Names that stand in two modules, and why. At most [`MOST_ALLOWED`].
const ALLOWED: &[(&str, &str)] =
    &[("Platform", "the keyring of each operating system; one is compiled at a time")];

/// Entries the allow-list may have.
const MOST_ALLOWED: usize = 15;

/// Names of the prelude and of `std` that a type of this crate must not shadow.
const STD: &[&str] =
    &["Drop", "Result", "Option", "Box", "Vec", "String", "Iterator", "Fn", "Copy", "Clone", "Send", "Sync"];

fn definitions() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources("src") {
        for name in types_defined(&source.code) {
            found.entry(name).or_default().insert(source.module.join("::"));
        }
    }
    found
}

#[test]
fn no_type_name_is_defined_in_two_modules() {
    let allowed: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let twice: Vec<String> = definitions()
        .into_iter()
        .filter(|(name, modules)| modules.len() > 1 && !allowed.contains(name.as_str()))
        .map(|(name, modules)| format!("{name}: {}", modules.into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    assert!(twice.is_empty(), "{} type names stand for two things: {twice:#?}", twice.len());
}

#[test]
fn the_allow_list_is_short_and_needed() {
    assert!(ALLOWED.len() <= MOST_ALLOWED);
    let definitions = definitions();
    for (name, reason) in ALLOWED {
        let is_needed = definitions.get(*name).is_some_and(|modules| modules.len() > 1);
        assert!(is_needed && !reason.is_empty(), "{name} is defined once: take it off the list");
    }
}

#[test]
fn no_type_shadows_the_standard_library() {
    let shadowing: Vec<&str> =
        definitions().keys().filter_map(|name| STD.iter().find(|std| **std == name)).copied().collect();
    assert!(shadowing.is_empty(), "{shadowing:?}");
}

#[test]
fn the_scan_finds_definitions() {
    let code = product_code(
        "pub struct A;\nenum B { C }\npub(crate) trait D {}\nimpl D for A { type E = u8; }\npub type F = u8;\n\
         // struct G;\nstruct H<T>(T);\n#[cfg(test)]\nmod tests { struct I; }",
    );
    assert_eq!(types_defined(&code), ["A", "B", "D", "F", "H"]);
}
