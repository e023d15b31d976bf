//! The recordings are deterministic and show their mechanism.

use super::case;
use crate::verdicts::case::CLASSES;

#[test]
fn the_same_seed_gives_the_same_recording() {
    for class in CLASSES {
        let (first, again, other) = (case(class, 1), case(class, 1), case(class, 2));
        assert_eq!(first.recording(), again.recording(), "{}", first.name);
        assert_ne!(first.recording(), other.recording(), "{} and {}", first.name, other.name);
    }
}

#[test]
fn most_seeds_of_a_class_show_its_mechanism() {
    for class in CLASSES {
        let cases: Vec<_> = (10..14).map(|seed| case(class, seed)).collect();
        let shown = cases.iter().filter(|case| case.truth == class).count();
        assert!(shown >= 2, "{class}: {:?}", cases.iter().map(|case| case.truth).collect::<Vec<_>>());
    }
}
