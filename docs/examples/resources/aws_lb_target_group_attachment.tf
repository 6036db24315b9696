# Puts the nodes behind a load balancer. Their names must be known when planning, their IDs may still be to come.

provider "aws" {
  region = "eu-central-1"
}

variable "vpc_id" {
  description = "ID of the network that the nodes are in."
  type        = string
}

variable "node_ids" {
  description = "IDs of the nodes' instances by name."
  type        = map(string)
}

resource "aws_lb_target_group" "front_end" {
  name     = "easypay"
  vpc_id   = var.vpc_id
  protocol = "TCP"
  port     = 30080
}

resource "aws_lb_target_group_attachment" "node" {
  for_each = var.node_ids

  target_group_arn = aws_lb_target_group.front_end.arn
  target_id        = each.value
}
