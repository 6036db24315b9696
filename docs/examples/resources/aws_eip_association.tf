# Gives each node an address of its own. The association is apart from the address, so that a node that is made anew
# gets the address of the old one.

provider "aws" {
  region = "eu-central-1"
}

variable "node_ids" {
  description = "IDs of the nodes' instances by name."
  type        = map(string)
}

resource "aws_eip" "node" {
  for_each = var.node_ids

  domain = "vpc"
  tags   = { Name = "easypay-${each.key}" }
}

resource "aws_eip_association" "node" {
  for_each = var.node_ids

  allocation_id = aws_eip.node[each.key].id
  instance_id   = each.value
}
