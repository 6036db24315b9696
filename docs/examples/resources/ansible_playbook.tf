# Configures two nodes: when they are first there, and again when the playbook, a node or the release changes. Tags
# keep it to the roles that are meant.

terraform {
  required_providers {
    ansible = { source = "ansible/ansible" }
  }
}

variable "release" {
  description = "Release of EasyPay that the nodes are prepared for."
  type        = string
  default     = "2025.3"
}

resource "ansible_playbook" "nodes" {
  playbook = "${path.module}/ansible/nodes.yml"

  dynamic "hosts" {
    for_each = { node-1 = "10.20.1.11", node-2 = "10.20.2.11" }
    content {
      name    = hosts.key
      address = hosts.value
      groups  = ["nodes"]
    }
  }

  ssh_user             = "ec2-user"
  ssh_private_key_file = pathexpand("~/.ssh/easypay")
  extra_vars           = { easypay_release = var.release }
  tags                 = ["base", "docker"]
  replayable           = false
}

output "changed" {
  description = "How much the last run changed on each node."
  value       = { for name, done in ansible_playbook.nodes.stats : name => done.changed }
}
