# A snapshot of the cluster's etcd, taken anew whenever the release changes. The file stays when the object goes.

terraform {
  required_providers {
    etcd = { source = "formwork/etcd" }
  }
}

provider "etcd" {
  endpoints   = ["https://10.20.1.11:2379", "https://10.20.2.11:2379"]
  cacert_file = "/etc/kubernetes/pki/etcd/ca.crt"
  cert_file   = "/etc/kubernetes/pki/etcd/healthcheck-client.crt"
  key_file    = "/etc/kubernetes/pki/etcd/healthcheck-client.key"
}

variable "release" {
  description = "Release of EasyPay."
  type        = string
  default     = "2025.3"
}

resource "etcd_snapshot" "release" {
  path     = "${path.module}/backup/etcd.snapshot"
  triggers = { release = var.release }
}

output "snapshot" {
  value = "revision ${etcd_snapshot.release.revision}, taken at ${etcd_snapshot.release.taken_at}"
}
