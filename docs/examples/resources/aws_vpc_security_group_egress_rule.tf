# Lets the nodes out to anywhere, for packages, images and the clock.

provider "aws" {
  region = "eu-central-1"
}

variable "vpc_id" {
  description = "ID of the network."
  type        = string
}

resource "aws_security_group" "nodes" {
  name        = "easypay-nodes"
  description = "Nodes of EasyPay"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "anywhere" {
  security_group_id = aws_security_group.nodes.id
  description       = "To anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
