# One of each built-in resource type that the example has no use for: with it, the site has one of every type.
# `generation` replaces most of them.

variable "generation" {
  type    = number
  default = 1
}

resource "aws_ebs_volume" "every" {
  availability_zone = data.aws_availability_zones.available.names[0]
  type              = "gp3"
  size              = 1
  encrypted         = var.generation % 2 == 0
  tags              = { Name = "${var.name}-every" }
}

resource "aws_key_pair" "every" {
  key_name   = "${var.name}-every-${var.generation}"
  public_key = tls_private_key.every.public_key_openssh
}

resource "aws_security_group" "every" {
  name        = "${var.name}-every-${var.generation}"
  description = "For nobody"
  vpc_id      = module.network.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "every" {
  security_group_id = aws_security_group.every.id
  cidr_ipv4         = "10.0.0.0/8"
  ip_protocol       = "tcp"
  from_port         = 7000
  to_port           = 7000
}

resource "local_file" "every" {
  filename = "${path.root}/every.txt"
  content  = "generation ${var.generation}, ${random_pet.every.id}\n"
}

resource "null_resource" "every" {
  triggers = { generation = var.generation }
}

resource "random_bytes" "every" {
  length  = 16
  keepers = { generation = var.generation }
}

resource "random_integer" "every" {
  min     = 1
  max     = 1000
  keepers = { generation = var.generation }
}

resource "random_pet" "every" {
  keepers = { generation = var.generation }
}

resource "random_shuffle" "every" {
  input   = ["a", "b", "c"]
  keepers = { generation = var.generation }
}

resource "random_string" "every" {
  length  = 8
  keepers = { generation = var.generation }
}

resource "random_uuid" "every" {
  keepers = { generation = var.generation }
}

resource "time_static" "every" {
  triggers = { generation = var.generation }
}

resource "time_offset" "every" {
  offset_days = 7
  triggers    = { generation = var.generation }
}

resource "time_rotating" "every" {
  rotation_days = 30
  triggers      = { generation = var.generation }
}

resource "time_sleep" "every" {
  create_duration = "10ms"
  triggers        = { generation = var.generation }
}

resource "tls_private_key" "every" {
  algorithm = "ED25519"
}

resource "tls_self_signed_cert" "every" {
  private_key_pem       = tls_private_key.every.private_key_pem
  is_ca_certificate     = true
  validity_period_hours = 100 + var.generation
  allowed_uses          = ["cert_signing"]

  subject {
    common_name = "every"
  }
}

resource "tls_cert_request" "every" {
  private_key_pem = tls_private_key.every.private_key_pem
  dns_names       = ["every.test"]
}

resource "tls_locally_signed_cert" "every" {
  cert_request_pem      = tls_cert_request.every.cert_request_pem
  ca_private_key_pem    = tls_private_key.every.private_key_pem
  ca_cert_pem           = tls_self_signed_cert.every.cert_pem
  validity_period_hours = 50
  allowed_uses          = ["server_auth"]
}

resource "terraform_data" "every" {
  input            = random_pet.every.id
  triggers_replace = var.generation
}
