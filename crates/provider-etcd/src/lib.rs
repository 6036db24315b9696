//! etcd: snapshots.
