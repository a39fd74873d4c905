//! A pack of new objects, for a push (`gitformat-pack`).
//!
//! Takes objects in memory, gives the bytes of the pack. libgit2's builder would try each object against ten others for
//! the smallest delta, which is a third of an update's time; here the one good base is known beforehand: a folder is sent
//! as what differs from the folder before it, which the receiver has ("thin pack"); all else is sent whole. A receiver
//! that takes no thin packs gets each such folder whole.

use std::collections::HashSet;
use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Oid};
use rayon::prelude::*;
use sha1::{Digest as _, Sha1};

/// An object that is in memory alone.
pub(super) struct NewObject {
    pub(super) id: Oid,
    pub(super) kind: ObjectType,
    pub(super) data: Vec<u8>,
    /// An object of the same kind and nearly the same content, which the receiver has or gets.
    pub(super) base: Option<(Oid, Vec<u8>)>,
}

/// The number that stands for a delta against an object named by its id.
const REF_DELTA: u8 = 7;
/// A copy costs up to seven bytes: shorter runs of equal bytes are not worth one.
const COPY_BYTES_MIN: usize = 8;
/// What the three size bytes of a copy can say, in powers of two that keep the first of them zero.
const COPY_BYTES_MAX: usize = 0xff_0000;
const INSERT_BYTES_MAX: usize = 127;

/// What the bases of a pack's deltas may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bases {
    /// What the receiver has, too: the pack is thin.
    AtReceiver,
    InPack,
}

/// One pack of `objects`, each once, in the order of their making.
pub(super) fn pack<'o>(objects: impl Iterator<Item = &'o NewObject>, bases: Bases) -> io::Result<Vec<u8>> {
    let mut seen = HashSet::new();
    let objects: Vec<&NewObject> = objects.filter(|object| seen.insert(object.id)).collect();
    let planned: Vec<Planned<'_>> = plan(&objects, &seen, bases);
    let entries: Vec<Vec<u8>> = planned.par_iter().map(entry).collect::<io::Result<_>>()?;
    let count = u32::try_from(entries.len()).map_err(io::Error::other)?;
    let mut pack = [b"PACK".as_slice(), &2u32.to_be_bytes(), &count.to_be_bytes()].concat();
    entries.iter().for_each(|entry| pack.extend_from_slice(entry));
    let checksum = Sha1::digest(&pack);
    pack.extend_from_slice(&checksum);
    Ok(pack)
}

/// An object and the base that it may be sent against.
type Planned<'o> = (&'o NewObject, Option<&'o (Oid, Vec<u8>)>);

/// A base must be at the receiver or in front of its delta: a file that is changed to and fro would make a circle.
fn plan<'o>(objects: &[&'o NewObject], in_pack: &HashSet<Oid>, bases: Bases) -> Vec<Planned<'o>> {
    let mut earlier = HashSet::new();
    let planned = objects.iter().map(|object| {
        let is_fit = |id: &Oid| if in_pack.contains(id) { earlier.contains(id) } else { bases == Bases::AtReceiver };
        let base = object.base.as_ref().filter(|(base, _)| is_fit(base));
        earlier.insert(object.id);
        (*object, base)
    });
    planned.collect()
}

fn entry((object, base): &Planned<'_>) -> io::Result<Vec<u8>> {
    let delta = base.and_then(|(id, base)| Some((id, delta(base, &object.data)?)));
    let (mut entry, content) = match &delta {
        Some((base, delta)) => ([head(REF_DELTA, delta.len()), base.as_bytes().to_vec()].concat(), delta),
        None => (head(type_number(object.kind), object.data.len()), &object.data),
    };
    let mut deflated = ZlibEncoder::new(&mut entry, Compression::fast());
    deflated.write_all(content)?;
    deflated.finish()?;
    Ok(entry)
}

fn type_number(kind: ObjectType) -> u8 {
    match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Blob => 3,
        ObjectType::Tag | ObjectType::Any => unreachable!("commits are made of commits, trees and blobs"),
    }
}

/// Type and size: four bits of the size beside the type, then seven a byte, the lowest first.
fn head(kind: u8, size: usize) -> Vec<u8> {
    let more = |rest: usize| if rest > 0 { 0x80 } else { 0 };
    let mut rest = size >> 4;
    let mut head = vec![more(rest) | (kind << 4) | (size & 15) as u8];
    while rest > 0 {
        let byte = (rest & 127) as u8;
        rest >>= 7;
        head.push(more(rest) | byte);
    }
    head
}

/// How `new` comes from `base`; `None` where bytes moved, or where a delta saves nothing.
///
/// An id that is replaced in a folder moves nothing, so the two are compared place by place.
fn delta(base: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    if base.len() != new.len() {
        return None;
    }
    let mut delta = [size(base.len()), size(new.len())].concat();
    let mut at = 0;
    while at < new.len() {
        let equal = base[at..].iter().zip(&new[at..]).take_while(|(old, new)| old == new).count();
        if equal >= COPY_BYTES_MIN || at + equal == new.len() {
            copy(&mut delta, at, equal);
            at += equal;
        } else {
            let end = differing_end(base, new, at + equal);
            insert(&mut delta, &new[at..end]);
            at = end;
        }
    }
    (delta.len() < new.len()).then_some(delta)
}

/// Where the bytes from `at` on are equal again for long enough.
fn differing_end(base: &[u8], new: &[u8], at: usize) -> usize {
    let mut equal = 0;
    for place in at..new.len() {
        equal = if base[place] == new[place] { equal + 1 } else { 0 };
        if equal == COPY_BYTES_MIN {
            return place + 1 - equal;
        }
    }
    new.len()
}

/// A size of a delta: seven bits a byte, the lowest first.
fn size(mut rest: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (rest & 127) as u8;
        rest >>= 7;
        if rest == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// Instructions that copy `length` bytes of the base from `from` on: only the bytes that are not zero are written.
fn copy(delta: &mut Vec<u8>, mut from: usize, mut length: usize) {
    while length > 0 {
        let part = length.min(COPY_BYTES_MAX);
        let numbers = [&(from as u32).to_le_bytes()[..], &(part as u32).to_le_bytes()[..3]].concat();
        let set: Vec<usize> = (0..numbers.len()).filter(|at| numbers[*at] != 0).collect();
        delta.push(set.iter().fold(0x80, |flags, at| flags | (1 << at)));
        delta.extend(set.iter().map(|at| numbers[*at]));
        from += part;
        length -= part;
    }
}

fn insert(delta: &mut Vec<u8>, bytes: &[u8]) {
    for part in bytes.chunks(INSERT_BYTES_MAX) {
        delta.push(part.len() as u8);
        delta.extend_from_slice(part);
    }
}
