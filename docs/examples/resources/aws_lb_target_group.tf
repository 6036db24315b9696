# The nodes, as the load balancer sees them. A node that does not answer gets no more connections after 20 seconds; one
# that is taken out may finish those it has.

provider "aws" {
  region = "eu-central-1"
}

variable "vpc_id" {
  description = "ID of the network that the nodes are in."
  type        = string
}

resource "aws_lb_target_group" "front_end" {
  name                 = "easypay"
  vpc_id               = var.vpc_id
  protocol             = "TCP"
  port                 = 30080
  deregistration_delay = 60

  health_check {
    protocol            = "HTTP"
    path                = "/healthz"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}
