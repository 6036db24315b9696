# Ansible out of a virtual environment, instead of the one on the PATH.

terraform {
  required_providers {
    ansible = { source = "ansible/ansible" }
  }
}

provider "ansible" {
  ansible_playbook_binary = "${path.root}/.venv/bin/ansible-playbook"
}

resource "ansible_playbook" "nodes" {
  playbook = "${path.module}/ansible/nodes.yml"
  name     = "node-1.easypay.example"
}
