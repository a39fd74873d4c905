//! Waiting after lost races, and push budgets: decisions over times, as tables.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use tagwright::schedule::{LostRace, PushWindow, Rhythm, due, wait_after};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("a time")
}

#[test]
fn a_window_lets_so_many_pushes_through_in_any_minute() {
    // When pushes are tried, and for each the second at which the next one is free; `-` where it goes through.
    let check = |limit: u32, tries: &[(i64, &str)]| {
        let mut window = PushWindow::default();
        for (second, expected) in tries {
            let told = match window.take(NonZeroU32::new(limit).expect("a limit"), at(*second)) {
                Ok(()) => "-".to_owned(),
                Err(until) => (until.as_second() - at(0).as_second()).to_string(),
            };
            assert_eq!(told, *expected, "limit {limit}, second {second}");
        }
    };
    check(1, &[(0, "-"), (0, "60"), (59, "60"), (60, "-"), (61, "120")]);
    check(2, &[(0, "-"), (50, "-"), (59, "60"), (60, "-"), (61, "110"), (110, "-")]);
    check(3, &[(0, "-"), (0, "-"), (0, "-"), (1, "60"), (3600, "-")]);
    // A clock that was set back by a year does not close the window for a year.
    check(1, &[(0, "-"), (-31_536_000, "-"), (-31_536_000, "-31535940")]);
}

#[test]
fn a_push_that_reached_nobody_is_given_back() {
    let mut window = PushWindow::default();
    let one = NonZeroU32::MIN;
    assert_eq!(window.take(one, at(0)), Ok(()));
    window.give_back();
    assert_eq!(window.take(one, at(1)), Ok(()));
    assert_eq!(window.take(one, at(2)), Err(at(61)));
}

#[test]
fn waits_grow_with_losses_and_rivals_and_shrink_for_who_has_waited_long() {
    let wait = |attempt, losses, rivals, waited, dice| {
        let race =
            LostRace { attempt: Duration::from_millis(attempt), losses, rivals, waited: Duration::from_secs(waited) };
        wait_after(race, dice).as_millis()
    };
    assert_eq!(wait(100, 1, 1, 0, 0.0), 0);
    assert_eq!(wait(100, 1, 1, 0, 0.5), 100);
    assert_eq!(wait(100, 3, 1, 0, 0.5), 400);
    assert_eq!(wait(100, 1, 20, 0, 0.5), 1000);
    assert_eq!(wait(100, 1, 20, 24, 0.5), 500);
    assert_eq!(wait(60_000, 40, 1000, 0, 1.0), 10_000, "every wait has an end");
    assert!(wait(0, 1, 0, 0, 1.0) > 0);
}

/// When the object is due, in seconds.
fn due_at(name: &str, interval: u64, last: Option<i64>, started: i64, now: i64) -> f64 {
    let rhythm = Rhythm { interval: Duration::from_secs(interval), last: last.map(at), started: at(started) };
    due(name, rhythm, at(now)).duration_since(at(0)).as_secs_f64()
}

#[test]
fn a_thousand_objects_neither_start_nor_stay_together() {
    let names: Vec<String> = (0..1000).map(|number| format!("flux-system/repository-{number}")).collect();
    let most_in = |times: &[f64], seconds: f64| {
        let within = |from: f64| times.iter().filter(|at| (from..from + seconds).contains(at)).count();
        times.iter().map(|from| within(*from)).max().unwrap_or_default()
    };
    let first: Vec<f64> = names.iter().map(|name| due_at(name, 300, None, 0, 0)).collect();
    assert!(first.iter().all(|at| (0.0..=15.0).contains(at)));
    assert!(most_in(&first, 1.0) < 120, "{}", most_in(&first, 1.0));
    let again: Vec<f64> = names.iter().map(|name| due_at(name, 300, Some(0), 0, 0)).collect();
    assert!(again.iter().all(|at| (285.0..=315.0).contains(at)));
    assert!(most_in(&again, 1.0) < 70, "{}", most_in(&again, 1.0));
    let mean = again.iter().sum::<f64>() / 1000.0;
    assert!((299.0..301.0).contains(&mean), "{mean}");
    assert_eq!(first, names.iter().map(|name| due_at(name, 300, None, 0, 200)).collect::<Vec<_>>());
}

#[test]
fn no_interval_is_exceeded_by_more_than_a_tenth() {
    for name in (0..200).map(|number| format!("ns/{number}")) {
        let name = name.as_str();
        // Interval, last, start, now: a restart just before, or long after, it was due; an object that is new.
        let check = |interval, last, started, now, earliest: f64, latest: f64| {
            let found = due_at(name, interval, last, started, now);
            assert!((earliest..=latest).contains(&found), "{name} {interval} {last:?} {started} {now}: {found}");
        };
        check(60, Some(0), 0, 1, 57.0, 63.0);
        check(60, Some(0), 59, 59, 59.0, 66.0);
        check(60, Some(0), 1000, 1000, 1000.0, 1003.0);
        check(86_400, Some(0), 0, 1, 82_080.0, 90_720.0);
        check(86_400, None, 10, 10, 10.0, 70.0);
        check(0, Some(5), 0, 5, 5.0, 5.0);
        // A clock that was set back: while we ran, or before we started.
        check(60, Some(500), 400, 100, 100.0, 100.0);
        check(60, Some(500), 90, 100, 90.0, 93.0);
        check(u64::MAX / 2, Some(0), 0, 1, 1e9, f64::MAX);
    }
}
