# Runs a playbook on nodes, when they are made and whenever the playbook, the nodes or the variables change.
resource "ansible_playbook" "this" {
  playbook = var.playbook

  dynamic "hosts" {
    for_each = var.nodes
    content {
      name    = hosts.key
      address = hosts.value.address
      groups  = var.groups

      # A node that was made anew has another id, and so is configured again.
      vars = {
        node_environment = var.environment
        node_instance    = hosts.value.instance
        node_zone        = hosts.value.zone
      }
    }
  }

  ssh_user             = var.ssh.user
  ssh_private_key_file = var.ssh.private_key_file
  known_hosts_file     = var.ssh.known_hosts_file
  wait_for             = var.wait_for

  tags       = var.tags
  extra_vars = var.extra_vars

  # Not at every apply: only when there is a reason.
  replayable = false
  preview    = var.preview
}
