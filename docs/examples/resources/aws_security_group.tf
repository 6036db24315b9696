# Who may talk to the front end: the load balancer's clients on one port. What goes out is not limited.

provider "aws" {
  region = "eu-central-1"
}

variable "vpc_id" {
  description = "ID of the network."
  type        = string
}

resource "aws_security_group" "front_end" {
  name        = "easypay-front-end"
  description = "Front end of EasyPay"
  vpc_id      = var.vpc_id

  ingress {
    description = "From the load balancer"
    protocol    = "tcp"
    from_port   = 30080
    to_port     = 30080
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}
