# The public half of a key of which only the private half is at hand, as AWS and the nodes want it.

resource "tls_private_key" "operator" {
  algorithm = "ED25519"
}

data "tls_public_key" "operator" {
  private_key_openssh = tls_private_key.operator.private_key_openssh
}

resource "local_file" "authorized_keys" {
  filename        = "${path.module}/authorized_keys"
  file_permission = "0644"
  content         = data.tls_public_key.operator.public_key_openssh
}

output "fingerprint" {
  description = "What ssh shows of the key when it is used."
  value       = data.tls_public_key.operator.public_key_fingerprint_sha256
}
