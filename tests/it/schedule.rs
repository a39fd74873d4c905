//! Waiting after lost races, and push budgets: decisions over times, as tables.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use tagwright::schedule::{LostRace, PushWindow, wait_after};

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
