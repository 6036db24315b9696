//! Whether a store refuses what it is asked to refuse. Two writers are kept apart by nothing else, and there are stores that pass
//! over conditions which they do not know.

use crate::bucket::{Bucket, If, Put};
use crate::journal::folder;
use crate::lock::Lease;
use formwork_state::StateError;

const ACTION: &str = "write the state";
/// A tag that no object has.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

/// Fails unless writes are refused whose conditions do not hold: one on an object that is not there, and one on a lock that is.
pub(crate) fn prove(bucket: &Bucket, state: &str, lease: Option<&Lease>) -> Result<(), StateError> {
    let scratch = format!("{}conditions", folder(state));
    let passes_over = |condition: &str| {
        StateError::Store {
        action: ACTION,
        place: bucket.place(state),
        problem: format!("the store passes over the condition {condition} of what is written"),
        help: "Two runs are kept apart by such conditions alone. Use a store that knows them, such as Amazon's S3, or another \
               backend."
            .into(),
        safe: "Nothing was changed.".into(),
    }
    };
    if let Put::Written(_) = bucket.put(ACTION, &scratch, Some(If::Tag(NO_TAG)), b"{}")? {
        let _ = bucket.delete(ACTION, &scratch);
        return Err(passes_over("If-Match"));
    }
    match lease {
        Some(lease) if lease.written_again(bucket)? => Err(passes_over("If-None-Match")),
        _ => Ok(()),
    }
}
