//! The same work on many things, in parallel where they are so many that threads bring more than they cost.

use rayon::prelude::*;

/// With fewer things than this, all is done where it is asked for: most builds never start a thread.
const FEW: usize = 256;
const FEW_BYTES: usize = 32 << 10;

/// What becomes of each item, in their order.
pub(super) fn map<'i, T: Sync, R: Send>(items: &'i [T], work: impl Fn(&'i T) -> R + Sync + Send) -> Vec<R> {
    if items.len() < FEW { items.iter().map(work).collect() } else { items.par_iter().map(work).collect() }
}

/// The same for texts of so many bytes in sum: what is long is worth a thread, be it few.
pub(super) fn map_bytes<'i, T: Sync, R: Send>(
    texts: &'i [T],
    bytes: usize,
    read: impl Fn(&'i T) -> R + Sync + Send,
) -> Vec<R> {
    if bytes < FEW_BYTES { texts.iter().map(read).collect() } else { texts.par_iter().map(read).collect() }
}

/// Changes every item by itself. The first refusal in their order is the one told.
pub(super) fn for_each<T: Send, E: Send>(
    items: &mut [T],
    change: impl Fn(&mut T) -> Result<(), E> + Sync + Send,
) -> Result<(), E> {
    if items.len() < FEW {
        return items.iter_mut().try_for_each(change);
    }
    items.par_iter_mut().map(change).find_map_first(Result::err).map_or(Ok(()), Err)
}
