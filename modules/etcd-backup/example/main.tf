provider "etcd" {
  endpoints = ["http://127.0.0.1:2379"]
}

module "backup" {
  source = "../"

  path = "${path.module}/etcd.snapshot"
}
