//! The queue of the controller: what is due when, by what happened.

use std::time::Duration;

use tagwright::controller::{Next, Queue};
use tagwright::object::NamespacedName;

fn name(name: &str) -> NamespacedName {
    NamespacedName::new("apps", name)
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// What happens to the object `a` at a second.
#[derive(Clone, Copy)]
enum Step {
    Wake,
    Renew,
    WakeAt(f64),
    /// It begins, if it is due.
    Begin,
    Done(Next),
}
use Step::{Begin, Done, Renew, Wake, WakeAt};

/// Plays `steps` and gives the seconds at which the object began.
fn play(steps: &[(f64, Step)]) -> Vec<f64> {
    let (mut queue, a) = (Queue::default(), name("a"));
    let mut begun = Vec::new();
    for (second, step) in steps {
        let now = at(*second);
        match step {
            Wake => queue.wake(&a, now),
            Renew => queue.renew(&a, now),
            WakeAt(due) => queue.wake_at(&a, at(*due)),
            Begin => begun.extend(queue.begin(now).map(|_| *second)),
            Done(next) => queue.done(&a, *next, now, 0.0),
        }
    }
    begun
}

#[test]
fn what_is_due_begins() {
    let check = |steps: &[(f64, Step)], expected: &[f64]| assert_eq!(play(steps), expected);
    // Two wakes are one.
    check(&[(0.0, Wake), (0.0, Wake), (1.0, Begin), (1.0, Begin)], &[1.0]);
    // The earlier of two times counts.
    check(&[(0.0, WakeAt(9.0)), (0.0, WakeAt(5.0)), (4.0, Begin), (5.0, Begin)], &[5.0]);
    check(&[(0.0, WakeAt(5.0)), (0.0, WakeAt(9.0)), (5.0, Begin)], &[5.0]);
    // One worker at a time; a wake meanwhile counts when the first ends.
    check(&[(0.0, Wake), (0.0, Begin), (1.0, Wake), (1.0, Begin), (2.0, Done(Next::Rest)), (2.0, Begin)], &[0.0, 2.0]);
    // What rests begins no more until it is woken.
    check(
        &[(0.0, Wake), (0.0, Begin), (1.0, Done(Next::Rest)), (99.0, Begin), (100.0, Wake), (100.0, Begin)],
        &[0.0, 100.0],
    );
    check(&[(0.0, Wake), (0.0, Begin), (1.0, Done(Next::After(at(60.0)))), (60.9, Begin), (61.0, Begin)], &[0.0, 61.0]);
    check(&[(0.0, Wake), (0.0, Begin), (1.0, Done(Next::Forget)), (99.0, Begin)], &[0.0]);
    // An object that came back under the same name while the old one was forgotten.
    check(&[(0.0, Wake), (0.0, Begin), (0.5, Wake), (1.0, Done(Next::Forget)), (1.0, Begin)], &[0.0, 1.0]);
}

#[test]
fn what_fails_waits_longer_each_time() {
    let failing = [(0.0, Wake), (0.0, Begin), (0.0, Done(Next::Retry)), (0.7, Begin), (0.75, Begin)];
    assert_eq!(play(&failing), [0.0, 0.75]);
    let again = [(0.75, Done(Next::Retry)), (2.2, Begin), (2.25, Begin)];
    assert_eq!(play(&[&failing[..], &again].concat()), [0.0, 0.75, 2.25]);
    // Somebody asks: at once, and the next failure is the first again.
    let asked = [(0.75, Done(Next::Retry)), (1.0, Renew), (1.0, Begin), (1.0, Done(Next::Retry)), (1.75, Begin)];
    assert_eq!(play(&[&failing[..], &asked].concat()), [0.0, 0.75, 1.0, 1.75]);
    // Something else changes: at once, and the wait goes on to grow.
    let woken =
        [(0.75, Done(Next::Retry)), (1.0, Wake), (1.0, Begin), (1.0, Done(Next::Retry)), (3.9, Begin), (4.0, Begin)];
    assert_eq!(play(&[&failing[..], &woken].concat()), [0.0, 0.75, 1.0, 4.0]);
    // Success forgets failures.
    let healed = [(0.75, Done(Next::Rest)), (5.0, Wake), (5.0, Begin), (5.0, Done(Next::Retry)), (5.75, Begin)];
    assert_eq!(play(&[&failing[..], &healed].concat()), [0.0, 0.75, 5.0, 5.75]);
}

#[test]
fn the_oldest_comes_first_and_is_counted() {
    let mut queue = Queue::default();
    queue.wake(&name("b"), at(1.0));
    queue.wake(&name("a"), at(2.0));
    queue.wake_at(&name("c"), at(9.0));
    assert_eq!((queue.depth(at(2.0)), queue.running(), queue.next()), (2, 0, Some(at(1.0))));
    assert_eq!(
        [queue.begin(at(2.0)), queue.begin(at(2.0)), queue.begin(at(2.0))],
        [Some(name("b")), Some(name("a")), None]
    );
    assert_eq!((queue.depth(at(2.0)), queue.running(), queue.next()), (0, 2, Some(at(9.0))));
}
