# The key pair with which operators log in to the nodes, as two files. The private half is in the state as well: guard
# the state like the key.

resource "tls_private_key" "operator" {
  algorithm       = "ED25519"
  openssh_comment = "operator@easypay"
}

resource "local_sensitive_file" "operator_key" {
  filename        = "${path.module}/ssh/operator"
  file_permission = "0600"
  content         = tls_private_key.operator.private_key_openssh
}

resource "local_file" "operator_public_key" {
  filename        = "${path.module}/ssh/operator.pub"
  file_permission = "0644"
  content         = tls_private_key.operator.public_key_openssh
}
