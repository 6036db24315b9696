variable "environments" {
  type    = set(string)
  default = ["production", "staging"]
}

variable "with_laboratory" {
  type    = bool
  default = false
}

# One network for each environment.
module "network" {
  source   = "./network"
  for_each = var.environments

  name       = each.key
  providers  = { random = random }
  depends_on = [random_pet.company]
}

# None, or one.
module "laboratory" {
  source = "./network"
  count  = var.with_laboratory ? 1 : 0

  name = "laboratory"
}

# The same, without a number.
module "archive" {
  source = "./network"

  name = "archive"

  lifecycle {
    enabled = var.with_laboratory
  }
}

resource "random_pet" "company" {}

output "tokens" {
  value = { for name, network in module.network : name => network.token }
}
