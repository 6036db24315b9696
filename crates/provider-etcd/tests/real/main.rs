//! Snapshots of a real etcd.
//!
//! `FORMWORK_ETCD_STATE` names the `state.json` of `cargo xtask components`; where there is no etcd in it, each test says
//! so. What must not happen to an etcd that others use happens to one that the test starts itself.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test is at the edge")]

mod bench;
mod kill;
mod refusals;
mod server;
mod snapshots;
