# A node of EasyPay's cluster with a fixed private address and an encrypted disk. A newer image is for new nodes: it
# does not replace this one.

provider "aws" {
  region = "eu-central-1"
}

variable "image_id" {
  description = "ID of the image that new nodes start from."
  type        = string
}

variable "subnet_id" {
  description = "ID of the subnet; 10.20.1.11 must be one of its addresses."
  type        = string
}

resource "aws_instance" "node" {
  ami           = var.image_id
  instance_type = "t3.medium"
  subnet_id     = var.subnet_id
  private_ip    = "10.20.1.11"

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 30
    encrypted   = true
  }

  tags = { Name = "easypay-node-1" }

  lifecycle {
    ignore_changes = [ami]
  }
}
