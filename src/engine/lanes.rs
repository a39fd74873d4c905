//! Lanes: many pieces of work at once, a bounded number of them at each host.
//!
//! Takes the work with its hosts and the ways there; gives the outcomes in the order of the work. What does not answer,
//! a host or a proxy that somebody brings, holds up its own lane and no other.

use std::collections::HashMap;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};

use crate::image::Repository;
use crate::registry::{Access, Client};

/// Something, and its place in the batch.
type Placed<T> = (usize, T);

/// Does `work` for all items, as many at once as each registry may be asked. Nothing begins before there is room for it,
/// since the time that a registry is given begins with it.
pub(super) async fn in_lanes<'a, T, O, F: Future<Output = O>>(
    client: &Client,
    items: impl Iterator<Item = (&'a Repository, &'a Access, T)>,
    work: impl Fn(T) -> F,
) -> Vec<O> {
    let mut lanes: HashMap<_, (usize, Vec<Placed<T>>)> = HashMap::new();
    for (place, (repository, access, item)) in items.enumerate() {
        let lane = lanes.entry(access.connection.lane(repository.registry()));
        lane.or_insert_with(|| (client.concurrency(repository), Vec::new())).1.push((place, item));
    }
    let work = &work;
    let lane = |(width, items): (usize, Vec<Placed<T>>)| {
        let working = stream::iter(items).map(move |(place, item)| async move { (place, work(item).await) });
        working.buffer_unordered(width).collect::<Vec<_>>()
    };
    let mut done: Vec<Placed<O>> = join_all(lanes.into_values().map(lane)).await.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
