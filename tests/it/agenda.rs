//! What is due when: decisions over simulated time, as tables.

use std::time::Duration;

use tagwright::schedule::retry_scan;
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
    // One that comes while a scan is under way may have come too late for it.
    let during = [(5.0, Hook, true), (5.0, Begin, true), (5.01, Hook, true)];
    check(None, &after(&[&during[..], &[(5.02, Done(WithNews), true)]].concat()), 5.1);
    check(None, &after(&[&during[..], &[(5.02, Done(WithoutNews), true)]].concat()), 5.2);
    // While hooks bring nothing, the scans are drawn apart, up to two seconds.
    let mut flood = vec![(5.0, Hook, true)];
    for n in 0..400 {
        let at = 5.0 + f64::from(n) * 0.01;
        flood.extend([(at, Hook, true)]);
    }
    check(None, &after(&flood), 5.0);
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

#[test]
fn a_flood_of_hooks_makes_few_scans() {
    let mut agenda = Agenda::default();
    agenda.add("web", "web".to_owned(), seconds(60.0), Some(Duration::ZERO), Duration::ZERO);
    let mut scans = 0;
    for millisecond in 5000..15_000 {
        let now = Duration::from_millis(millisecond);
        agenda.hook(&"web", now);
        for key in agenda.begin(now) {
            scans += 1;
            agenda.done(&key, WithoutNews, now, 0.5);
        }
    }
    assert!((5..=16).contains(&scans), "{scans} scans in ten seconds of hooks");
}

#[test]
fn waits_after_failures_stay_within_their_bounds() {
    for n in 0..=100 {
        let dice = f64::from(n) / 100.0;
        assert!(retry_scan(99, dice) <= seconds(900.0) && retry_scan(99, dice) >= seconds(855.0));
        assert!(retry_scan(1, dice) <= seconds(0.75) && retry_scan(1, dice) >= seconds(0.71));
    }
}
