//! Leases: what is done about one, and several that are held together.

use std::time::Duration;

use serde_json::{Value, json};
use tagwright::cluster::{Leadership, Leases, Observed, Record, Step, Terms, next};
use tagwright::object::NamespacedName;
use tokio::sync::{oneshot, watch};

use super::fake::Fake;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn record(holder: &str, lease: u64) -> Record {
    Record { holder: holder.to_owned(), lease: seconds(lease), renewed: "then".to_owned() }
}

#[test]
fn a_lease_is_taken_when_it_has_looked_the_same_for_too_long() {
    // Seen at 100 for the first time as it is.
    let check = |record: Option<Record>, now: u64, expected: Step| {
        let observed = Observed { record: record.clone(), since: seconds(100) };
        assert_eq!(next(&observed, seconds(now), "me", &Terms::default()), expected, "{record:?} at {now}");
    };
    let wait = |until| Step::Wait { holder: "you".to_owned(), until: seconds(until) };
    let keep = Step::Keep { until: seconds(100) + seconds(35) / 3 };
    check(None, 100, Step::Create);
    check(Some(record("", 35)), 100, Step::Take);
    check(Some(record("you", 35)), 100, wait(135));
    check(Some(record("you", 35)), 134, wait(135));
    check(Some(record("you", 35)), 135, Step::Take);
    check(Some(record("you", 15)), 115, Step::Take);
    check(Some(record("you", 0)), 134, wait(135));
    check(Some(record("you", 1_000_000)), 699, wait(700));
    check(Some(record("you", 1_000_000)), 700, Step::Take);
    check(Some(record("me", 35)), 100, keep.clone());
    check(Some(record("me", 35)), 111, keep);
    check(Some(record("me", 35)), 112, Step::Renew);
    check(Some(record("me", 35)), 1_000, Step::Renew);
}

#[test]
fn only_what_is_different_restarts_the_wait() {
    let first = Observed::seen(None, Some(record("you", 35)), seconds(1));
    let same = Observed::seen(Some(first.clone()), Some(record("you", 35)), seconds(9));
    assert_eq!(same, first);
    let renewed = Record { renewed: "now".to_owned(), ..record("you", 35) };
    assert_eq!(Observed::seen(Some(same), Some(renewed), seconds(9)).since, seconds(9));
}

/// Terms that let a test see what takes half a minute otherwise.
const SHORT: Terms =
    Terms { lease: Duration::from_secs(6), renew_deadline: Duration::from_secs(5), retry: Duration::from_millis(50) };

struct Holding {
    leadership: watch::Receiver<Leadership>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn hold(fake: &Fake, me: &str) -> Holding {
    let names = ["own", "theirs"].map(|name| NamespacedName::new("flux-system", name));
    let (leases, leadership) = Leases::new(&fake.cluster().await, names, me, SHORT);
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(leases.hold(async { drop(stopped.await) }));
    Holding { leadership, stop, task }
}

impl Holding {
    async fn until(&mut self, is_it: impl FnMut(&Leadership) -> bool) -> Leadership {
        let waited = tokio::time::timeout(seconds(60), self.leadership.wait_for(is_it)).await;
        waited.expect("in time").expect("no end").clone()
    }

    async fn stop(self) {
        self.stop.send(()).expect("a task");
        self.task.await.expect("an end");
    }
}

fn lease(fake: &Fake, name: &str) -> Value {
    let path = format!("{}/{name}", LEASES.replace("{ns}", "flux-system"));
    fake.object(&path).expect("a lease")["spec"].clone()
}

#[tokio::test]
async fn all_leases_are_held_renewed_and_given_back() {
    let fake = Fake::start();
    let mut first = hold(&fake, "first").await;
    first.until(Leadership::is_leading).await;
    assert_eq!(lease(&fake, "theirs")["holderIdentity"], "first");
    let mut second = hold(&fake, "second").await;
    let held = second.until(|leadership| matches!(leadership, Leadership::HeldBy { .. })).await;
    assert_eq!(held.to_string(), "not leading: Lease flux-system/own is held by first");
    let renewed = lease(&fake, "theirs")["renewTime"].clone();
    while lease(&fake, "theirs")["renewTime"] == renewed {
        tokio::time::sleep(SHORT.retry).await;
    }
    assert_eq!(lease(&fake, "own")["holderIdentity"], "first");
    first.stop().await;
    second.until(Leadership::is_leading).await;
    assert_eq!(lease(&fake, "own")["holderIdentity"], "second");
    assert_eq!(lease(&fake, "own")["leaseTransitions"], 1);
    second.stop().await;
    assert_eq!(lease(&fake, "own")["holderIdentity"], "");
}

#[tokio::test]
async fn a_lease_of_another_controller_is_waited_for_and_its_own_kept() {
    let fake = Fake::start();
    // Its renewTime is far in the future: what counts is whether it changes.
    let spec =
        json!({ "holderIdentity": "flux", "leaseDurationSeconds": 1, "renewTime": "2999-01-01T00:00:00.000000Z" });
    fake.put(LEASES, "flux-system", "theirs", &json!({ "spec": spec }));
    let mut ours = hold(&fake, "ours").await;
    let held = ours.until(|leadership| matches!(leadership, Leadership::HeldBy { .. })).await;
    assert_eq!(held.to_string(), "not leading: Lease flux-system/theirs is held by flux");
    assert_eq!(lease(&fake, "own")["holderIdentity"], "ours");
    ours.until(Leadership::is_leading).await;
    assert_eq!(lease(&fake, "theirs")["holderIdentity"], "ours");
    ours.stop().await;
}

#[tokio::test]
async fn who_lost_a_lease_does_not_lead() {
    let fake = Fake::start();
    let mut ours = hold(&fake, "ours").await;
    ours.until(Leadership::is_leading).await;
    let spec = json!({ "holderIdentity": "thief", "leaseDurationSeconds": 600, "renewTime": "now" });
    fake.put(LEASES, "flux-system", "own", &json!({ "spec": spec }));
    let held = ours.until(|leadership| matches!(leadership, Leadership::HeldBy { .. })).await;
    assert_eq!(held.to_string(), "not leading: Lease flux-system/own is held by thief");
    ours.stop().await;
    assert_eq!(lease(&fake, "own")["holderIdentity"], "thief", "what is another's is left alone");
}

#[tokio::test]
async fn who_cannot_renew_stops_leading_in_time() {
    let fake = Fake::start();
    let mut ours = hold(&fake, "ours").await;
    ours.until(Leadership::is_leading).await;
    for _ in 0..1000 {
        fake.refuse_next(500, None);
    }
    ours.until(|leadership| *leadership == Leadership::Unknown).await;
}
