terraform {
  required_version = ">= 1.5"

  required_providers {
    etcd = {
      source = "formwork/etcd"
    }
  }
}
