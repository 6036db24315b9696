terraform {
  required_version = ">= 1.5"

  # etcd is Formwork's own; the others have the names and arguments of the providers that Terraform knows.
  required_providers {
    ansible = {
      source = "ansible/ansible"
    }
    aws = {
      source = "hashicorp/aws"
    }
    etcd = {
      source = "formwork/etcd"
    }
    kubernetes = {
      source = "hashicorp/kubernetes"
    }
    local = {
      source = "hashicorp/local"
    }
    random = {
      source = "hashicorp/random"
    }
    tls = {
      source = "hashicorp/tls"
    }
  }
}
