# Machines with their volumes, and who may talk to them.

variable "name" {
  type = string
}

variable "size" {
  type = number
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

locals {
  web   = var.name == "web"
  rules = { ssh = 22, http = 80, rdp = 3389, app = 8080 }
}

resource "aws_security_group" "node" {
  name        = "node"
  description = "Machines of ${var.name}"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.rules

  security_group_id = aws_security_group.node.id
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = each.key == "app" ? "0.0.0.0/0" : "10.20.0.0/16"
}

resource "aws_instance" "node" {
  count = var.size

  ami                         = "ami-0123456789abcdef0"
  instance_type               = "t3.medium"
  subnet_id                   = var.subnet_ids[count.index]
  vpc_security_group_ids      = [aws_security_group.node.id]
  iam_instance_profile        = "node"
  monitoring                  = true
  ebs_optimized               = true
  associate_public_ip_address = false
  user_data                   = "true\n"

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  root_block_device {
    volume_size = 30
    encrypted   = true
  }

  dynamic "ebs_block_device" {
    for_each = { "/dev/sdf" = true, "/dev/sdg" = true }
    content {
      device_name = ebs_block_device.key
      volume_size = 10
      encrypted   = ebs_block_device.value
    }
  }
}

resource "aws_ebs_volume" "data" {
  for_each = local.web ? { table = true, cache = true } : {}

  availability_zone = "eu-central-1a"
  size              = 100
  encrypted         = each.value
  kms_key_id        = "arn:aws:kms:eu-central-1:123456789012:key/${each.key}"
}

resource "aws_ebs_volume" "log" {
  count = var.size

  availability_zone = "eu-central-1a"
  size              = 10
  encrypted         = true
  kms_key_id        = "arn:aws:kms:eu-central-1:123456789012:key/log"
}

resource "aws_eip" "node" {
  count = var.size

  domain   = "vpc"
  instance = aws_instance.node[count.index].id
}
