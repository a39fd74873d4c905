//! Where the commits of a request start and where they go, from what its objects say and what the remote has.

use super::checkout::{self, Base};
use super::outcome::UpdateError;
use super::request::{PushTo, UpdateRequest};
use crate::git::{Expected, Move, Oid, PushOptions, RefName, Refspec, Session, Source};

/// Where a chain of commits starts, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) checkout: Base,
    pub(super) push: RefName,
    /// Whether commits of ours on `push` may be replaced.
    pub(super) may_rebuild: bool,
    /// A second reference for the same commit.
    pub(super) also: Option<Refspec>,
    pub(super) options: PushOptions,
}

/// Where a request starts and what it goes to.
pub(super) fn route(session: &Session, request: &UpdateRequest) -> Result<Route, UpdateError> {
    let PushTo { branch, refspec, options } = &request.push;
    // Before anything is fetched: this is about the objects alone.
    if branch.is_none() && refspec.is_none() && !request.checkout.is_branch() {
        return Err(UpdateError::NoPushBranch);
    }
    let checkout = checkout::resolve(session, &request.checkout)?;
    let local = branch.as_deref().or(checkout.branch());
    if let Some(refspec) = refspec {
        check_source(refspec, local)?;
    }
    let (push, may_rebuild, also) = match (branch, refspec) {
        // A refspec alone is all that is pushed, as Flux's documentation has it.
        (None, Some(refspec)) => (refspec.target.clone(), refspec.force || refspec.target.is_magic(), None),
        (_, also) => {
            let push = RefName::branch(local.ok_or(UpdateError::NoPushBranch)?)?;
            let also = also.clone().filter(|refspec| refspec.target != push);
            (push, true, also)
        }
    };
    Ok(Route { checkout, push, may_rebuild, also, options: options.clone() })
}

/// The commit that a refspec sends is the one that was made: on `local`, the push or checkout branch.
fn check_source(refspec: &Refspec, local: Option<&str>) -> Result<(), UpdateError> {
    match &refspec.source {
        Source::Branch(found) if local != Some(found) => Err(UpdateError::RefspecSource {
            found: found.as_str().into(),
            pushed: local.map_or_else(|| "no branch".to_owned(), |local| format!("branch {local}")).into(),
        }),
        _ => Ok(()),
    }
}

/// The references that a push of `route` moves.
pub(super) fn moves(route: &Route, expected: Option<Oid>) -> Vec<Move> {
    let first = Move { target: route.push.clone(), expected: Expected::At(expected) };
    let also = route
        .also
        .iter()
        .map(|refspec| Move { target: refspec.target.clone(), expected: Expected::Listed { force: refspec.force } });
    std::iter::once(first).chain(also).collect()
}
