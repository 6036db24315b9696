//! The disk below a local state: what is used of `std::fs`, under its own names.
//!
//! All that opens, writes, syncs, renames or removes a file of a state goes through here, and through nothing else. In the
//! program it *is* the standard library. In this crate's own tests a path may also lead to a simulated disk
//! (`tests/disk.rs`), which loses what was not synced when its power is cut.

#[cfg(not(test))]
pub(crate) use crate::record_lock;
#[cfg(not(test))]
pub(crate) use std::fs::{
    DirBuilder, File, Metadata, OpenOptions, copy, exists, hard_link, metadata, read, read_dir, remove_file,
    rename, symlink_metadata,
};
#[cfg(not(test))]
pub(crate) use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};

#[cfg(test)]
pub(crate) use crate::tests::disk::{
    DirBuilder, DirBuilderExt, File, FileExt, Metadata, MetadataExt, OpenOptions, OpenOptionsExt, copy,
    exists, hard_link, metadata, read, read_dir, record_lock, remove_file, rename, symlink_metadata,
};

pub(crate) use std::fs::{Permissions, canonicalize, read_link};
pub(crate) use std::os::unix::fs::PermissionsExt;
