# A snapshot of etcd, verified, in a file.
resource "etcd_snapshot" "this" {
  path              = var.path
  triggers          = var.triggers
  delete_on_destroy = var.delete_on_destroy
}
