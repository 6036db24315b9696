# A password for one run: whoever needs it is told, and it is kept nowhere.
ephemeral "random_password" "session" {
  length  = 24
  special = false
}

resource "terraform_data" "greeting" {
  provisioner "local-exec" {
    command     = "test -n \"$PASSWORD\""
    environment = { PASSWORD = ephemeral.random_password.session.result }
  }
}
