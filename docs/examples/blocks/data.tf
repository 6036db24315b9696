resource "local_file" "motd" {
  filename = "${path.root}/motd"
  content  = "Welcome.\n"
}

# Read when the file is there: after it was made, in the first apply, and while planning from then on.
data "local_file" "motd" {
  filename   = local_file.motd.filename
  depends_on = [local_file.motd]

  lifecycle {
    postcondition {
      condition     = self.content != ""
      error_message = "There is nothing in ${self.filename}."
    }
  }
}

variable "services" {
  type    = set(string)
  default = ["api", "web"]
}

resource "tls_private_key" "service" {
  for_each  = var.services
  algorithm = "ED25519"
}

# One for each key.
data "tls_public_key" "service" {
  for_each        = tls_private_key.service
  provider        = tls
  private_key_pem = each.value.private_key_pem

  lifecycle {
    precondition {
      condition     = length(each.key) > 2
      error_message = "Services have longer names than that."
    }
  }
}

# None.
data "local_file" "spare" {
  count    = 0
  filename = "spare"
}

# There is one only if it is enabled.
data "local_file" "laboratory" {
  filename = "laboratory"

  lifecycle {
    enabled = false
  }
}

output "fingerprints" {
  value = { for name, key in data.tls_public_key.service : name => key.public_key_fingerprint_sha256 }
}
