//! Fuzz target: trees that build, with some of their bytes changed, lost, doubled or moved. None may panic, and what
//! comes of it is the same again.
//!
//! `PROPTEST_CASES=1000000 cargo test --test it kustomize::fuzz` runs longer; a failure is printed with its smallest
//! input.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::properties::printed;
use super::trees::{Files, tree};

/// What means something to a parser or to a step of the build, parted by `¦`.
const PIECES: &str = ": ¦- ¦\n¦\n  ¦ ¦\t¦#¦{¦}¦[¦]¦,¦'¦\"¦\\¦|¦>-¦&a ¦*a¦<<: *a\n¦!!str ¦!!binary ¦? ¦~¦null¦yes¦0x1F¦.inf¦1e999¦-\
    ¦---\n¦...\n¦\u{feff}¦\u{0}¦\u{7f}¦\u{1f680}¦../¦/¦.¦$(WHO)¦$patch: delete\n¦$patch: replace\n\
    ¦$setElementOrder/containers: [{name: web}]\n¦$retainKeys: [name]\n¦(¦)¦*¦[name=¦kind: List\n¦items:\n\
    ¦metadata:\n¦name: ¦namespace: ¦apiVersion: v1\n¦resources: [.]\n¦resources: [../top]\n¦behavior: replace\n\
    ¦op: copy, from: /spec¦path: /spec/-¦create: true\n¦index: -1\n¦delimiter: ''\n¦99999999999999999999\
    ¦fieldSpecs: [{path: a/b[]/c, create: true}]\n";

/// One change of a file.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, &'static str),
    Remove(Index, usize),
    Double(Index, usize),
}

fn change() -> impl Strategy<Value = (Index, Change)> {
    let pieces: Vec<&'static str> = PIECES.split('¦').collect();
    let change = prop_oneof![
        3 => (any::<Index>(), select(pieces)).prop_map(|(at, piece)| Change::Put(at, piece)),
        2 => (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (any::<Index>(), 1..60_usize).prop_map(|(at, length)| Change::Double(at, length)),
    ];
    (any::<Index>(), change)
}

fn changed(files: &mut Files, which: &Index, change: &Change) {
    let nth = which.index(files.len());
    let text = files.values_mut().nth(nth).expect("the index is below the length");
    let mut chars: Vec<char> = text.chars().collect();
    match change {
        Change::Put(at, piece) => {
            let at = at.index(chars.len() + 1);
            chars.splice(at..at, piece.chars());
        }
        Change::Remove(at, length) => {
            let at = at.index(chars.len() + 1);
            chars.drain(at..chars.len().min(at + length));
        }
        Change::Double(at, length) => {
            let at = at.index(chars.len() + 1);
            let piece = chars[at..chars.len().min(at + length)].to_vec();
            chars.splice(at..at, piece);
        }
    }
    *text = chars.into_iter().collect();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_tree_makes_a_build_panic(files in tree(), changes in proptest::collection::vec(change(), 1..6)) {
        let mut files = files;
        for (which, change) in &changes {
            changed(&mut files, which, change);
        }
        prop_assert_eq!(printed(&files, "top"), printed(&files, "top"));
    }
}
