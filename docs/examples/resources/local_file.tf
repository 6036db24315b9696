# An inventory of the nodes for people and programs, written anew whenever a node comes or goes.

variable "nodes" {
  description = "Private addresses of the nodes by name."
  type        = map(string)
  default = {
    node-1 = "10.20.1.11"
    node-2 = "10.20.2.11"
  }
}

resource "local_file" "inventory" {
  filename        = "${path.module}/out/inventory.yml"
  file_permission = "0644"

  content = yamlencode({
    nodes = { hosts = { for name, address in var.nodes : name => { ansible_host = address } } }
  })
}

output "inventory_sha256" {
  value = local_file.inventory.content_sha256
}
