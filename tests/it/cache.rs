//! The bounded cache: what stays and what goes.

use tagwright::cache::Cache;

/// `steps` are `KEY=WEIGHT` to keep a value and `KEY` to ask for it; `want` is what each key has in the end.
fn check(weight_max: usize, steps: &str, want: &str) {
    let mut cache = Cache::new(weight_max);
    for step in steps.split(' ') {
        match step.split_once('=') {
            Some((key, weight)) => cache.put(key.to_owned(), weight.to_owned(), weight.parse().expect("a weight")),
            None => drop(cache.get(step)),
        }
        assert!(cache.weight() <= weight_max, "{steps}: {step}");
    }
    let mut keys: Vec<&str> = steps.split(' ').map(|step| step.split('=').next().unwrap_or(step)).collect();
    keys.sort_unstable();
    keys.dedup();
    let got = keys.iter().filter_map(|key| cache.get(*key).map(|value| format!("{key}={value}")));
    assert_eq!(got.collect::<Vec<_>>().join(" "), want, "{steps}");
}

#[test]
fn what_nobody_asked_for_goes_first() {
    check(4, "a=1 b=1", "a=1 b=1");
    check(4, "a=1 a=2", "a=2");
    // What is asked for again stays; the other one of its generation goes with it.
    check(4, "a=1 b=1 c=1 d=1 e=1", "c=1 d=1 e=1");
    check(4, "a=1 b=1 c=1 a d=1 e=1", "a=1 d=1 e=1");
    check(4, "a=2 b=2 c=2", "b=2 c=2");
    check(4, "a=2 b=2 a c=2", "a=2 c=2");
    // What is too heavy is not kept, nor is what it was to replace.
    check(4, "a=3", "");
    check(4, "a=1 a=3 b=1", "b=1");
    check(0, "a=1 b=0", "b=0");
}
