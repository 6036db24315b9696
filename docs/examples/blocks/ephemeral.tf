variable "regions" {
  type    = set(string)
  default = ["eu"]
}

# A password for this run only: it is in no state, and in no plan.
ephemeral "random_password" "session" {
  for_each = var.regions
  length   = 24

  lifecycle {
    postcondition {
      condition     = length(self.result) == 24
      error_message = "That is no password."
    }
  }
}

ephemeral "tls_private_key" "throwaway" {
  count      = 1
  provider   = tls
  depends_on = [terraform_data.vault]
  algorithm  = "ED25519"

  lifecycle {
    precondition {
      condition     = length(var.regions) > 0
      error_message = "There is no region to have a key for."
    }
  }
}

ephemeral "random_password" "unused" {
  length = 8

  lifecycle {
    enabled = false
  }
}

resource "terraform_data" "vault" {
  input = "opened"
}

# What lives for a run may only go where nothing is stored: into provisioners, providers, write-only arguments.
resource "terraform_data" "greeting" {
  for_each = var.regions

  provisioner "local-exec" {
    command = "test -n \"$PASSWORD\" -a -n \"$KEY\""
    environment = {
      PASSWORD = ephemeral.random_password.session[each.key].result
      KEY      = ephemeral.tls_private_key.throwaway[0].private_key_pem
    }
  }
}
