variable "address" {
  type    = string
  default = "192.0.2.10"
}

resource "tls_private_key" "deploy" {
  algorithm = "ED25519"
}

# A machine that is there already: the object stands for what was done to it.
resource "terraform_data" "prepared" {
  input = var.address

  connection {
    host        = self.input
    user        = "admin"
    private_key = tls_private_key.deploy.private_key_openssh
    timeout     = "2m"
  }

  provisioner "file" {
    content     = "port = 443\n"
    destination = "/etc/easypay.conf"
  }

  provisioner "remote-exec" {
    inline = ["systemctl restart easypay"]

    # In place of the one above.
    connection {
      user = "root"
    }
  }
}
