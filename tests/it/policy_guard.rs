//! What a policy asks of the digests behind tags: decisions over what was seen when, as tables.

use std::time::Duration;

use jiff::Timestamp;
use tagwright::image::Digest;
use tagwright::policy::{Guard, Judgement, Moves, Seen};

const HOUR: u64 = 3600;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + hours * 3600).expect("a time")
}

/// The digest of one letter: `sha256:aaaa…`.
fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().expect("a digest")
}

/// What was seen: `a0 b5` is digest a from hour 0 and b from hour 5; a `!` at the end says that the registry told it now.
fn seen(text: &str) -> Seen {
    let (history, is_present) = text.strip_suffix('!').map_or((text, false), |history| (history, true));
    let digests = history.split_whitespace().map(|entry| {
        let (letter, hour) = entry.split_at(1);
        (digest(letter.chars().next().expect("a letter")), at(hour.parse().expect("an hour")))
    });
    Seen { digests: digests.collect(), is_present }
}

fn told(guard: Guard, text: &str, hour: i64) -> String {
    match guard.judge(&seen(text), at(hour)) {
        Judgement::Qualifies => "qualifies".to_owned(),
        Judgement::NeedsDigest => "needs its digest".to_owned(),
        Judgement::Refused(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_tag_qualifies_when_its_present_digest_is_old_enough() {
    let guard = Guard { min_age: Some(Duration::from_secs(6 * HOUR)), on_moved: Moves::Ignore };
    let check = |text: &str, hour: i64, expected: &str| assert_eq!(told(guard, text, hour), expected, "{text} {hour}");
    check("", 0, "needs its digest");
    let young = "is too new: its digest is seen since 2023-11-14T22:13:20Z, and will be 6h old at 2023-11-15T04:13:20Z";
    check("a0!", 0, young);
    // Nothing that the registry says now could make it older.
    check("a0", 5, young);
    check("a0", 6, "needs its digest");
    check("a0!", 6, "qualifies");
    // The clock starts anew with another digest.
    check(
        "a0 b5!",
        6,
        "is too new: its digest is seen since 2023-11-15T03:13:20Z, and will be 6h old at 2023-11-15T09:13:20Z",
    );
    check("a0 b5!", 11, "qualifies");
    // A clock that was set back.
    check(
        "a9!",
        0,
        "is too new: its digest is seen since 2023-11-15T07:13:20Z, and will be 6h old at 2023-11-15T13:13:20Z",
    );
}

#[test]
fn times_are_told_to_the_second_and_never_too_early() {
    let seen = Seen { digests: vec![(digest('a'), at(0) + Duration::from_millis(700))], is_present: true };
    let guard = Guard { min_age: Some(Duration::from_secs(HOUR)), on_moved: Moves::Ignore };
    let Judgement::Refused(refusal) = guard.judge(&seen, at(0)) else { panic!("too new") };
    let expected = "its digest is seen since 2023-11-14T22:13:20Z, and will be 1h old at 2023-11-14T23:13:21Z";
    assert!(refusal.to_string().contains(expected), "{refusal}");
}

#[test]
fn a_tag_that_moved_is_blocked_where_the_policy_says_so() {
    let (a, b) = (digest('a'), digest('b'));
    let moved = format!("is blocked since it moved from {a} to {b}, seen since 2023-11-15T03:13:20Z");
    let check = |on_moved: Moves, text: &str, expected: &str| {
        let guard = Guard { min_age: None, on_moved };
        assert_eq!(told(guard, text, 9), expected, "{on_moved:?} {text}");
    };
    check(Moves::Ignore, "", "qualifies");
    check(Moves::Ignore, "a0 b5", "qualifies");
    check(Moves::Report, "a0", "needs its digest");
    check(Moves::Report, "a0 b5!", "qualifies");
    check(Moves::Block, "a0", "needs its digest");
    check(Moves::Block, "a0!", "qualifies");
    check(Moves::Block, "a0 b5!", &moved);
    check(Moves::Block, "a0 b5", &moved);
}

#[test]
fn a_move_is_told_where_the_policy_says_so() {
    let moved = |on_moved, text| Guard { min_age: None, on_moved }.moved(&seen(text)).is_some();
    assert!(moved(Moves::Report, "a0 b5!"));
    assert!(!moved(Moves::Report, "a0!"));
    assert!(!moved(Moves::Block, "a0 b5!"));
    assert!(!moved(Moves::Ignore, "a0 b5!"));
}

#[test]
fn ages_are_told_as_people_write_them() {
    let check = |seconds: u64, expected: &str| {
        let guard = Guard { min_age: Some(Duration::from_millis(seconds * 1000)), on_moved: Moves::Ignore };
        let text = told(guard, "a0!", 0);
        assert!(text.contains(&format!("will be {expected} old at")), "{text}");
    };
    check(7 * 24 * HOUR, "7d");
    check(36 * HOUR, "1d12h");
    check(90, "1m30s");
    check(1, "1s");
}
