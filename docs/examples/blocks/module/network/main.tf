terraform {
  required_providers {
    random = { source = "hashicorp/random" }
  }
}

variable "name" {
  type = string
}

resource "random_id" "token" {
  byte_length = 4
  prefix      = "${var.name}-"
}

# The caller knows it as module.network["production"].token.
output "token" {
  value = random_id.token.hex
}
