# A key for one run.
ephemeral "tls_private_key" "throwaway" {
  algorithm = "ED25519"
}

resource "terraform_data" "signed" {
  provisioner "local-exec" {
    command     = "test -n \"$KEY\""
    environment = { KEY = ephemeral.tls_private_key.throwaway.private_key_openssh }
  }
}
