# Lets the front end, and nobody else, reach the database. Each rule is a resource of its own, so that one more or less
# touches no other.

provider "aws" {
  region = "eu-central-1"
}

variable "vpc_id" {
  description = "ID of the network."
  type        = string
}

resource "aws_security_group" "this" {
  for_each = toset(["front-end", "database"])

  name        = "easypay-${each.key}"
  description = "EasyPay, ${each.key}"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "mysql" {
  security_group_id            = aws_security_group.this["database"].id
  description                  = "MySQL from the front end"
  referenced_security_group_id = aws_security_group.this["front-end"].id
  ip_protocol                  = "tcp"
  from_port                    = 3306
  to_port                      = 3306
}
