# A name that people can remember, for an environment that is made for one test and thrown away again.

variable "branch" {
  description = "Branch that is tested. Another branch gets another name."
  type        = string
  default     = "main"
}

resource "random_pet" "environment" {
  prefix = "easypay"
  length = 2

  keepers = {
    branch = var.branch
  }
}

output "environment" {
  description = "Such as easypay-brave-otter."
  value       = random_pet.environment.id
}
