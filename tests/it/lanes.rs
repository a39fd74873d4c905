//! Work that waits for room: what may begin, as tables.

use tagwright::standalone::Lanes;

/// Plays `script` on lanes two wide: `+a1` pushes job `a1` on the way `a`, `-a` ends one of that way. Gives the jobs in
/// the order in which they begin, each as soon as it may.
fn played(script: &str) -> String {
    let mut lanes: Lanes<char, String> = Lanes::default();
    let mut begun = Vec::new();
    for step in script.split(' ') {
        let way = step.chars().nth(1).expect("a way");
        match step.split_at(1) {
            ("+", job) => lanes.push(way, job.to_owned()),
            ("-", _) => lanes.end(&way),
            _ => panic!("{step:?} in {script:?}"),
        }
        begun.extend(std::iter::from_fn(|| lanes.begin(&way, |_| 2)));
    }
    begun.join(" ")
}

#[test]
fn jobs_of_one_way_begin_in_order_and_delay_no_other() {
    let check = |script: &str, expected: &str| assert_eq!(played(script), expected, "{script}");
    check("+a1", "a1");
    check("+a1 +a2 +a3", "a1 a2");
    check("+a1 +a2 +a3 +a4 -a -a", "a1 a2 a3 a4");
    check("+a1 +a2 +a3 +a4 -a +a5 -a -a", "a1 a2 a3 a4 a5");
    // `a` stalls: all of `b` begin all the same.
    check("+a1 +a2 +a3 +a4 +b1 +b2 +b3 -b -b +b4", "a1 a2 b1 b2 b3 b4");
    check("+a1 -a +a2 -a +a3", "a1 a2 a3");
    // What did not begin does not end.
    check("-a +a1 +a2 +a3", "a1 a2");
}

#[test]
fn the_ways_on_which_jobs_wait_are_known() {
    let mut lanes = Lanes::default();
    for way in ["a", "b"] {
        lanes.push(way, way);
    }
    assert_eq!(lanes.begin(&"a", |_| 1), Some("a"));
    assert_eq!(lanes.waiting(), ["b"]);
    // There is no room now, and there is later.
    assert_eq!(lanes.begin(&"b", |_| 0), None);
    assert_eq!(lanes.begin(&"b", |_| 1), Some("b"));
    assert!(lanes.waiting().is_empty());
}

#[test]
fn ways_come_in_turn() {
    let mut lanes: Lanes<char, u32> = Lanes::default();
    for (way, job) in [('c', 1), ('a', 2), ('b', 3), ('c', 4), ('a', 5)] {
        lanes.push(way, job);
    }
    assert_eq!(lanes.waiting(), ['c', 'a', 'b']);
    lanes.begin(&'c', |_| 2);
    assert_eq!(lanes.waiting(), ['a', 'b', 'c']);
    lanes.begin(&'a', |_| 2);
    assert_eq!(lanes.waiting(), ['b', 'c', 'a']);
    lanes.begin(&'b', |_| 2);
    assert_eq!(lanes.waiting(), ['c', 'a']);
}
