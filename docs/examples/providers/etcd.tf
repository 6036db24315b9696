# The etcd of a cluster that kubeadm made. Its members know us by our certificate; the first that answers is asked.

terraform {
  required_providers {
    etcd = { source = "formwork/etcd" }
  }
}

provider "etcd" {
  endpoints    = [for address in ["10.20.1.11", "10.20.2.11", "10.20.1.12"] : "https://${address}:2379"]
  cacert_file  = "/etc/kubernetes/pki/etcd/ca.crt"
  cert_file    = "/etc/kubernetes/pki/etcd/healthcheck-client.crt"
  key_file     = "/etc/kubernetes/pki/etcd/healthcheck-client.key"
  dial_timeout = 3
}

resource "etcd_snapshot" "this" {
  path = "${path.module}/backup/etcd.snapshot"
}
