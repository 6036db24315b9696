# The database of the cluster, when everything is in it; once more whenever the application changes. It stays when the
# rest is destroyed.
module "backup" {
  source = "../../modules/etcd-backup"

  path     = "${var.out}/etcd.snapshot"
  triggers = { application = module.app.revision }

  depends_on = [module.app, module.pod_user]
}
