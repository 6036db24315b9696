# Ansible reaches each node at the address that AWS says it has, and waits until SSH answers there.

locals {
  ssh_public_key = coalesce(var.ssh_public_key, try(trimspace(file(pathexpand("${var.ssh_private_key_file}.pub"))), null))
}

module "configure" {
  source = "../../modules/configure"

  playbook    = "${path.module}/../../ansible/nodes.yml"
  environment = var.name

  nodes = { for name, node in module.nodes.nodes : name => {
    address  = var.ssh_over == "private" ? node.private_ip : module.nodes.elastic_ips[name]
    instance = node.id
    zone     = node.availability_zone
  } }

  ssh = {
    user             = var.ssh_user
    private_key_file = var.ssh_private_key_file
    known_hosts_file = var.ssh_known_hosts_file
  }

  wait_for = var.ssh_wait_seconds
  tags     = var.ansible_tags
}
