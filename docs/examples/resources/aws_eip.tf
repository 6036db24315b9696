# An address that partners can put into their firewalls: it stays when the instance behind it is made anew.

provider "aws" {
  region = "eu-central-1"
}

variable "gateway_instance_id" {
  description = "ID of the instance that talks to the bank."
  type        = string
}

resource "aws_eip" "bank_gateway" {
  domain   = "vpc"
  instance = var.gateway_instance_id

  tags = { Name = "easypay-bank-gateway" }
}

output "bank_gateway_address" {
  value = aws_eip.bank_gateway.public_ip
}
