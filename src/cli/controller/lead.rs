//! Whether this process is the one that acts, and until when.

use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::flags::LeaderArgs;
use crate::cluster::{Cluster, Leadership, Leases};
use crate::object::NamespacedName;

/// Ours, and those of the controllers whose work this is: while one of them renews its lease, this process only watches.
const LEASES: [&str; 3] = [
    "tagwright-leader-election",
    "image-reflector-controller-leader-election",
    "image-automation-controller-leader-election",
];
/// A process that was stopped for a while finds out within this that its lease is over.
const LOOK: Duration = Duration::from_millis(500);

/// Who leads; without leader election this process does.
pub(super) struct Lead {
    leadership: Option<watch::Receiver<Leadership>>,
    held: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// Why the work ends.
pub(super) enum Led {
    /// The process was asked to end.
    Asked,
    /// Another process may act now.
    Lost,
}

impl Lead {
    pub(super) fn start(args: &LeaderArgs, cluster: &Cluster, namespace: &str) -> Self {
        if !args.enable_leader_election {
            return Self { leadership: None, held: None };
        }
        let names = LEASES.map(|name| NamespacedName::new(namespace, name));
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "tagwright".to_owned());
        let me = format!("{host}_{:016x}", fastrand::u64(..));
        let (leases, leadership) = Leases::new(cluster, names, me, args.terms());
        let (stop, stopped) = oneshot::channel::<()>();
        // A sender that is dropped ends it too.
        let holding = tokio::spawn(leases.hold(async { drop(stopped.await) }));
        Self { leadership: Some(leadership), held: Some((stop, holding)) }
    }

    /// Says when to work: while leading, until `stopped` says that it is over.
    pub(super) fn may_work(&self, mut stopped: watch::Receiver<bool>) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(false);
        let leadership = self.leadership.clone();
        tokio::spawn(async move {
            let is_over = async { drop(stopped.wait_for(|stopped| *stopped).await) };
            let looking = async {
                loop {
                    let now = leadership.as_ref().is_none_or(|leadership| leadership.borrow().is_leading());
                    sender.send_if_modified(|before| std::mem::replace(before, now) != now);
                    tokio::time::sleep(LOOK).await;
                }
            };
            tokio::select! {
                () = is_over => {}
                () = looking => {}
            }
            sender.send_replace(false);
        });
        receiver
    }

    /// Waits until the process is asked to end, or might work and may no more.
    pub(super) async fn until(asked: impl Future<Output = ()>, mut may_work: watch::Receiver<bool>) -> Led {
        let lost = async {
            drop(may_work.wait_for(|may_work| *may_work).await);
            drop(may_work.wait_for(|may_work| !*may_work).await);
        };
        tokio::select! {
            () = asked => Led::Asked,
            () = lost => Led::Lost,
        }
    }

    /// Gives the leases back.
    pub(super) async fn release(self) {
        if let Some((stop, holding)) = self.held {
            drop(stop);
            drop(holding.await);
        }
    }
}
