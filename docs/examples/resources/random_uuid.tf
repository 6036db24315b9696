# Tells each payment terminal's requests from those of the others, in logs and at the payment provider.

variable "terminals" {
  description = "The payment terminals by name."
  type        = set(string)
  default     = ["berlin", "hamburg"]
}

resource "random_uuid" "terminal" {
  for_each = var.terminals

  # A terminal that is renamed counts as another.
  keepers = {
    name = each.key
  }
}

output "terminal_ids" {
  value = { for name, uuid in random_uuid.terminal : name => uuid.result }
}
