//! What to do about a missing object where no cluster has it.

use super::secrets::SECRETS_FROM_OUTSIDE;
use crate::engine::access::AccessError;
use crate::engine::cause::Cause;

/// The error as it is told, with advice where there is any.
pub(super) fn told(error: AccessError) -> Cause {
    let advice = match &error {
        AccessError::NoSecret { .. } => Some(SECRETS_FROM_OUTSIDE),
        AccessError::NoAccount { .. } => Some("without a cluster the ServiceAccount must be among the objects"),
        _ => None,
    };
    let cause = Cause::from(error);
    Cause { hint: advice.map(str::to_owned).or(cause.hint), ..cause }
}
