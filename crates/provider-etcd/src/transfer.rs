//! Streaming a snapshot into a file, and checking that it is whole.

use crate::bolt::{self, Facts};
use crate::client::{Member, said};
use crate::file::{BLOCK, HASH, Sum};
use crate::proto::StatusResponse;
use crate::settings::Settings;
use formwork_provider::CallError;
use formwork_value::Path;
use std::io::{self, ErrorKind};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tonic::Code;

/// A snapshot that is on disk and in order.
pub(crate) struct Taken {
    /// Of the database, in hexadecimal digits.
    pub sha256: String,
    /// Of the file, in bytes.
    pub size: u64,
    pub facts: Facts,
}

/// A file that something cannot be done to.
pub(crate) fn cannot(target: &str, done: &str, error: &io::Error) -> CallError {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        let detail = format!(
            "There is no space left for {target}. What had been written was removed, and what was there before is as it \
             was. Make room, or choose another path."
        );
        return CallError::new("The disk is full", detail);
    }
    let text = error.to_string();
    let why = text.split(" (os error").next().unwrap_or(&text);
    CallError::new("File operation failed", format!("{target} cannot be {done}: {why}."))
}

fn unsound(member: &Member, what: &str) -> CallError {
    let detail = format!(
        "What {} sent is not a sound snapshot: {what}. It was removed, and what was there before is as it was. Apply \
         again; if that does not help, ask another member (endpoint).",
        member.endpoint
    );
    CallError::new("Snapshot is damaged", detail)
}

/// Streams a member's database into a file, to its last byte on disk, and checks it. `target` is the name for people.
pub(crate) async fn take(
    member: &mut Member,
    settings: &Settings,
    file: std::fs::File,
    target: &str,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Taken, CallError> {
    let unwritten = |error: &io::Error| cannot(target, "written", error).on(Path::root().attr("path"));
    let mut stream = member.snapshot(settings).await?;
    let mut out = BufWriter::with_capacity(1 << 20, File::from_std(file));
    let (mut sum, mut database, mut told) = (Sum::default(), None, 0);
    loop {
        let ended = match stream.message().await {
            Ok(Some(piece)) => {
                let so_far = sum.len() + piece.blob.len() as u64;
                let database = *database.get_or_insert(so_far + piece.remaining_bytes);
                sum.add(&piece.blob);
                out.write_all(&piece.blob).await.map_err(|error| unwritten(&error))?;
                if so_far >> 20 != told {
                    told = so_far >> 20;
                    progress(&format!("received {told} of {} MiB", database.div_ceil(1 << 20)));
                }
                continue;
            }
            Ok(None) => None,
            Err(status) => Some(status),
        };
        let all = database.map(|size| size + HASH as u64);
        match ended {
            None if Some(sum.len()) == all => break,
            Some(status)
                if sum.len() == 0
                    && !matches!(
                        status.code(),
                        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
                    ) =>
            {
                return Err(member.refused(settings, &status));
            }
            ended => {
                let why = ended.map_or("the stream ended".to_owned(), |status| said(&status));
                let of = all.map_or(String::new(), |all| format!(" of {all}"));
                let detail = format!(
                    "After {}{of} bytes from {}: {why}. They were removed, and what was there before is as it was. Apply \
                     again.",
                    sum.len(),
                    member.endpoint
                );
                return Err(CallError::new("Snapshot was cut short", detail));
            }
        }
    }
    out.flush().await.map_err(|error| unwritten(&error))?;
    let file = out.into_inner();
    file.sync_all().await.map_err(|error| unwritten(&error))?;
    let size = sum.len();
    if !(size - HASH as u64).is_multiple_of(BLOCK) {
        return Err(unsound(member, &format!("its {size} bytes are not whole blocks and a hash")));
    }
    let (sha256, whole) = sum.finish();
    if !whole {
        return Err(unsound(member, "its content does not have the hash that etcd gives at its end"));
    }
    let file = file.into_std().await;
    let read = tokio::task::spawn_blocking(move || bolt::facts(&file, size - HASH as u64)).await;
    let facts = read.map_err(|error| error.to_string()).flatten().map_err(|why| unsound(member, &why))?;
    check_revision(member, settings, facts.revision).await?;
    Ok(Taken { sha256, size, facts })
}

/// The revision must be one that the member had while the snapshot was taken.
async fn check_revision(member: &mut Member, settings: &Settings, found: i64) -> Result<(), CallError> {
    let after = member.status().await.map_err(|status| member.refused(settings, &status))?;
    let header = |status: &StatusResponse| status.header.clone().unwrap_or_default();
    let (before, after) = (header(&member.status), header(&after));
    if before.member_id != after.member_id {
        let detail = format!(
            "Behind {} several members answer in turn, so that nobody can say whose snapshot it would be. Name one \
             member's own URL (endpoint). Nothing was written.",
            member.endpoint
        );
        return Err(CallError::new("Endpoint is not one member", detail));
    }
    if (before.revision..=after.revision).contains(&found) {
        return Ok(());
    }
    Err(unsound(
        member,
        &format!(
            "it holds revision {found}, but the member was at {} before and at {} after it",
            before.revision, after.revision
        ),
    ))
}
