# Credentials of AWS are not in the configuration: they come from the environment, a profile or the machine's role.
provider "aws" {
  region = var.region

  # An emulator, if there is an endpoint; AWS itself, if there is none.
  endpoints {
    ec2   = var.aws_endpoint
    elbv2 = var.aws_endpoint
    sts   = var.aws_endpoint
  }

  default_tags {
    tags = {
      Environment = var.name
      Project     = "easypay"
    }
  }
}

provider "kubernetes" {
  config_path    = var.kubeconfig
  config_context = var.kubeconfig_context
}

provider "ansible" {
  ansible_playbook_binary = var.ansible_playbook_binary
}

provider "etcd" {
  endpoints   = var.etcd.endpoints
  cacert_file = var.etcd.cacert_file
  cert_file   = var.etcd.cert_file
  key_file    = var.etcd.key_file
}
