# Runs a command once, and again whenever a trigger changes. For new configurations terraform_data does the same.

resource "random_id" "installation" {
  byte_length = 4
}

resource "null_resource" "register" {
  triggers = {
    installation = random_id.installation.hex
  }

  provisioner "local-exec" {
    command = "echo ${self.triggers.installation} >> installations.txt"
  }
}
