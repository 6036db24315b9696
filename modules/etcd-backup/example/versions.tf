terraform {
  required_providers {
    etcd = {
      source = "formwork/etcd"
    }
  }
}
