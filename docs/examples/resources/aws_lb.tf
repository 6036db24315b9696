# A network load balancer with an address of its own in each subnet, which clients and partners can rely on.

provider "aws" {
  region = "eu-central-1"
}

variable "subnet_ids" {
  description = "IDs of public subnets by a short name, one for each availability zone."
  type        = map(string)
}

resource "aws_eip" "this" {
  for_each = var.subnet_ids

  domain = "vpc"
}

resource "aws_lb" "this" {
  name                             = "easypay"
  load_balancer_type               = "network"
  enable_cross_zone_load_balancing = true

  dynamic "subnet_mapping" {
    for_each = var.subnet_ids
    content {
      subnet_id     = subnet_mapping.value
      allocation_id = aws_eip.this[subnet_mapping.key].id
    }
  }
}

output "address" {
  value = "http://${aws_lb.this.dns_name}"
}
