variable "release" {
  type    = string
  default = "v1"
}

resource "random_password" "admin" {
  length = 20
}

# One file for each service, replaced whole whenever there is a new release.
resource "local_sensitive_file" "settings" {
  for_each   = { web = 443, api = 8443 }
  provider   = local
  depends_on = [terraform_data.release]

  filename = "${path.root}/settings/${each.key}.conf"
  content  = "port = ${each.value}\nadmin = ${random_password.admin.result}\n"

  lifecycle {
    create_before_destroy = true
    prevent_destroy       = terraform.workspace == "production"
    ignore_changes        = [file_permission]
    replace_triggered_by  = [terraform_data.release]

    precondition {
      condition     = each.value > 0 && each.value < 65536
      error_message = "${each.value} is no port."
    }

    postcondition {
      condition     = strcontains(self.content, "admin")
      error_message = "The settings have no administrator."
    }
  }
}

resource "terraform_data" "release" {
  input = var.release

  # Runs on this machine, once the object is there.
  provisioner "local-exec" {
    command = "echo released ${self.input} >> releases.log"
  }

  provisioner "local-exec" {
    when       = destroy
    on_failure = continue
    command    = "echo withdrew ${self.input} >> releases.log"
  }
}

# There is one only if it is enabled.
resource "random_pet" "mascot" {
  lifecycle {
    enabled = var.release != "v1"
  }
}

resource "random_id" "node" {
  count       = 2
  byte_length = 4

  # Arguments of the type, even if one of them should be called like one of the language's own.
  _ {
    prefix = "node-${count.index + 1}-"
  }
}
