output "snapshot" {
  description = "The snapshot: `path`, `sha256`, `revision` of the database, `size_bytes`, `total_keys`, `taken_at`."
  value = {
    path       = etcd_snapshot.this.path
    sha256     = etcd_snapshot.this.sha256
    revision   = etcd_snapshot.this.revision
    size_bytes = etcd_snapshot.this.size_bytes
    total_keys = etcd_snapshot.this.total_keys
    taken_at   = etcd_snapshot.this.taken_at
  }
}
