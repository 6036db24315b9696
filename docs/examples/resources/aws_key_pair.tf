# A key made here becomes the one with which operators log in to new instances. To use a key that exists already, give
# its public half as file(pathexpand("~/.ssh/id_ed25519.pub")).

provider "aws" {
  region = "eu-central-1"
}

resource "tls_private_key" "operator" {
  algorithm = "ED25519"
}

resource "local_sensitive_file" "operator_key" {
  filename        = "${path.module}/operator.key"
  file_permission = "0600"
  content         = tls_private_key.operator.private_key_openssh
}

resource "aws_key_pair" "operator" {
  key_name   = "easypay-operator"
  public_key = tls_private_key.operator.public_key_openssh

  tags = { Name = "easypay" }
}
