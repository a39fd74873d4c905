//! What is due when: decisions over simulated time, as tables.

use std::time::Duration;

use tagwright::schedule::Backoff;
use tagwright::standalone::{Agenda, Ended};

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// What happens to an agenda with one entry at 10 s.
#[derive(Clone, Copy, Debug)]
enum Act {
    Begin,
    Done(Ended),
    Hook,
    Renew,
}
use Act::{Begin, Done, Hook, Renew};
use Ended::{Failed, WithNews, WithoutNews};

/// Plays acts at times in seconds. A `Begin` must find the entry due or not; the last time is when
/// it is due next, `-1` while it is under way.
fn check(age: Option<f64>, acts: &[(f64, Act, bool)], next: f64) {
    let mut agenda = Agenda::default();
    agenda.add("web", "web".to_owned(), seconds(10.0), age.map(seconds), Duration::ZERO);
    for (at, act, is_due) in acts {
        match act {
            Begin => assert_eq!(!agenda.begin(seconds(*at)).is_empty(), *is_due, "{acts:?}: due at {at}"),
            Done(ended) => agenda.done(&"web", *ended, seconds(*at), 0.5),
            Hook => agenda.hook(&"web", seconds(*at)),
            Renew => agenda.renew(&"web", seconds(10.0), seconds(*at)),
        }
    }
    let found = agenda.next().map_or(-1.0, |due| due.as_secs_f64());
    // Each name is up to a twentieth of the interval off.
    assert!((found - next).abs() < 0.55, "{acts:?}: next at {found}, expected {next}");
}

#[test]
fn each_interval_is_kept() {
    check(None, &[], 0.0);
    check(None, &[(0.0, Begin, true)], -1.0);
    check(None, &[(0.0, Begin, true), (0.0, Begin, false)], -1.0);
    check(None, &[(0.0, Begin, true), (1.0, Done(WithoutNews), true)], 11.0);
    check(None, &[(0.0, Begin, true), (1.0, Done(WithNews), true), (9.0, Begin, false), (12.0, Begin, true)], -1.0);
    let twice = [(0.0, Begin, true), (1.0, Done(WithNews), true), (12.0, Begin, true), (13.0, Done(WithNews), true)];
    check(None, &twice, 23.0);
}

#[test]
fn what_is_fresh_is_not_done_again() {
    check(Some(4.0), &[(0.0, Begin, false)], 6.0);
    check(Some(4.0), &[(0.0, Begin, false), (7.0, Begin, true), (7.0, Done(WithoutNews), true)], 17.0);
    // What was due before the process began is spread a little.
    check(Some(30.0), &[(0.6, Begin, true)], -1.0);
}

#[test]
fn failures_back_off_and_successes_end_that() {
    let fails = |times: usize| {
        let once = [(0.0, Begin, true), (0.0, Done(Failed), true)];
        let mut agenda = Agenda::default();
        agenda.add("web", "web".to_owned(), seconds(10.0), None, Duration::ZERO);
        let mut now = Duration::ZERO;
        for _ in 0..times {
            assert_eq!(agenda.begin(now).len(), 1, "{once:?}");
            agenda.done(&"web", Failed, now, 0.0);
            now = agenda.next().expect("it is due again");
        }
        agenda.begin(now);
        let began = now;
        agenda.done(&"web", Failed, now, 0.0);
        (agenda.next().expect("it is due again") - began).as_secs_f64()
    };
    let waits: Vec<f64> = (0..12).map(fails).collect();
    assert_eq!(waits, [0.75, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 192.0, 384.0, 768.0, 900.0]);
    check(
        None,
        &[(0.0, Begin, true), (0.0, Done(Failed), true), (1.0, Begin, true), (1.0, Done(WithNews), true)],
        11.0,
    );
}

#[test]
fn a_hook_makes_it_due_at_once_and_a_flood_does_not() {
    let scanned = [(0.0, Begin, true), (0.0, Done(WithoutNews), true)];
    let after = |more: &[(f64, Act, bool)]| [&scanned[..], more].concat();
    check(None, &after(&[(5.0, Hook, true)]), 5.0);
    // Two hooks, one scan.
    check(None, &after(&[(5.0, Hook, true), (5.0, Hook, true), (5.0, Begin, true), (5.0, Begin, false)]), -1.0);
    // A hook never puts off what is due.
    check(Some(9.95), &[(0.0, Hook, true), (0.1, Hook, true)], 0.0);
}

#[test]
fn a_changed_object_is_done_anew() {
    check(Some(1.0), &[(2.0, Renew, true)], 2.0);
    let during = [(2.0, Renew, true), (2.0, Begin, true), (2.5, Renew, true), (3.0, Done(WithNews), true)];
    check(Some(1.0), &during, 3.0);
    check(Some(1.0), &[(2.0, Begin, false), (2.0, Renew, true), (2.0, Begin, true), (2.0, Done(Failed), true)], 2.73);
}

/// Hooks come and tags appear at these milliseconds; scans must begin at those. Each takes 10 ms and brings news when it
/// lists tags that no scan before listed. Simulates two minutes; the interval is an hour.
fn check_hooks(hooks: &[u64], tags: &[u64], scans: &[u64]) {
    let found = simulate(hooks, tags, |_| false);
    assert_eq!(found, scans, "hooks at {hooks:?}, tags at {tags:?}");
}

fn simulate(hooks: &[u64], tags: &[u64], fails: impl Fn(usize) -> bool) -> Vec<u64> {
    let mut agenda = Agenda::default();
    agenda.add("web", "web".to_owned(), seconds(3600.0), Some(Duration::ZERO), Duration::ZERO);
    let (mut scans, mut listed, mut running) = (Vec::new(), 0, None);
    let mut waiting = hooks.iter().peekable();
    for millisecond in 0..120_000 {
        let now = Duration::from_millis(millisecond);
        while waiting.next_if_eq(&&millisecond).is_some() {
            agenda.hook(&"web", now);
        }
        if let Some((_, ended)) = running.take_if(|(end, _)| *end == millisecond) {
            agenda.done(&"web", ended, now, 0.5);
        }
        if !agenda.begin(now).is_empty() {
            let seen = tags.iter().filter(|tag| **tag <= millisecond).count();
            let ended = match fails(scans.len()) {
                true => Failed,
                false if std::mem::replace(&mut listed, seen) == seen => WithoutNews,
                false => WithNews,
            };
            running = Some((millisecond + 10, ended));
            scans.push(millisecond);
        }
    }
    scans
}

#[test]
fn a_hook_is_answered_by_scans_until_one_brings_news() {
    check_hooks(&[], &[500], &[]);
    check_hooks(&[1000], &[1000], &[1000]);
    // The registry lists the tag after its hook.
    check_hooks(&[1000], &[1001], &[1000, 1050]);
    check_hooks(&[1000], &[1300], &[1000, 1050, 1200, 2000]);
    check_hooks(&[1000], &[9000], &[1000, 1050, 1200, 2000, 5000]);
    // One that comes while a scan is under way may have come too late for it.
    check_hooks(&[1000, 1005], &[1000, 1005], &[1000, 1050]);
    check_hooks(&[1000, 1005], &[1000, 1100], &[1000, 1050, 1100]);
    // Another hook starts anew.
    check_hooks(&[1000, 1100], &[], &[1000, 1050, 1100, 1150, 1300, 2100, 5100]);
    // Several hooks for one scan; its news may be that of the first alone.
    check_hooks(&[1000, 1000], &[1000, 1060], &[1000, 1050, 1200]);
    check_hooks(&[1000, 1000], &[1000], &[1000, 1050, 1200, 2000, 5000]);
    // What brings news is not put off.
    let pushes: Vec<u64> = (10..30).map(|n| n * 100).collect();
    check_hooks(&pushes, &pushes, &pushes);
}

#[test]
fn a_scan_that_fails_after_a_hook_is_tried_again_as_any_other() {
    assert_eq!(simulate(&[1000], &[1000], |scan| scan == 0), [1000, 1742]);
    // It says nothing, so that the next one counts for the hook.
    assert_eq!(simulate(&[1000], &[], |scan| scan == 0), [1000, 1742, 2000, 5000]);
}

#[test]
fn failures_are_drawn_apart_however_long_the_interval_is() {
    let scans = simulate(&[1000], &[], |_| true);
    assert!((6..=8).contains(&scans.len()), "{scans:?}");
}

#[test]
fn a_flood_of_hooks_makes_few_scans() {
    let flood: Vec<u64> = (1000..61_000).collect();
    let scans = simulate(&flood, &[], |_| false);
    assert!((60..=75).contains(&scans.len()), "{} scans in a minute of hooks", scans.len());
    assert!(scans.windows(2).all(|pair| pair[1] - pair[0] >= 50), "{scans:?}");
    // Who comes after it is answered all the same.
    let scans = simulate(&[flood, vec![70_000]].concat(), &[70_001], |_| false);
    assert_eq!(scans.last(), Some(&70_050));
}

#[test]
fn waits_after_failures_stay_within_their_bounds() {
    for n in 0..=100 {
        let dice = f64::from(n) / 100.0;
        assert!(
            Backoff::default().after(99, dice) <= seconds(900.0)
                && Backoff::default().after(99, dice) >= seconds(855.0)
        );
        assert!(
            Backoff::default().after(1, dice) <= seconds(0.75) && Backoff::default().after(1, dice) >= seconds(0.71)
        );
    }
}
