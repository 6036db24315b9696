# The database of the cluster, when everything is in it; once more whenever the application changes. It stays when the
# rest is destroyed, and so has a name of its own: the next installation does not stumble over it.

resource "random_id" "backup" {
  byte_length = 4
}

module "backup" {
  source = "../../modules/etcd-backup"

  path     = "${var.out}/etcd-${random_id.backup.hex}.snapshot"
  triggers = { application = module.app.revision }

  depends_on = [module.app, module.pod_user]
}
