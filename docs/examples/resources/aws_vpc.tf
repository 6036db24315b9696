# EasyPay's network: 65,536 private addresses, with names for the instances that have public ones.

provider "aws" {
  region = "eu-central-1"
}

resource "aws_vpc" "this" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = "easypay" }
}

output "vpc_id" {
  value = aws_vpc.this.id
}
