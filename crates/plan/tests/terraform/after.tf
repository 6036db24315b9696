variable "name" {
  default = "z"
}

resource "terraform_data" "update" {
  input = { list = [1, sensitive("hunter2"), 0.1], m = tomap({ k = "<v>" }), nul = null, name = var.name }
}

resource "terraform_data" "replace" {
  input            = [terraform_data.update.id, { x = terraform_data.update.output, y = 1 }]
  triggers_replace = [var.name]
}

resource "terraform_data" "count" {
  count = 10
}

resource "terraform_data" "triggered" {
  input = 12345678901234567890
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.update]
  }
}

moved {
  from = terraform_data.old
  to   = terraform_data.new
}

resource "terraform_data" "new" {
  input = sensitive(["a"])
}

removed {
  from = terraform_data.forgotten
  lifecycle {
    destroy = false
  }
}

import {
  to = terraform_data.imported
  id = "someid"
}

resource "terraform_data" "imported" {
}

module "m" {
  for_each = toset(["one", "k\"2"])
  source   = "./m"
  v        = var.name
}

data "terraform_remote_state" "later" {
  backend = "local"
  config  = { path = terraform_data.update.output.name }
}

output "secret" {
  value     = var.name
  sensitive = true
}

output "same" {
  value = toset(["same"])
}

output "null" {
  value = null
}

output "parts" {
  value = [terraform_data.update.output, "x", { a = terraform_data.update.output, b = 1 }]
}

output "wholly" {
  value = terraform_data.replace.id
  precondition {
    condition     = terraform_data.update.output != "q"
    error_message = "q"
  }
}

check "failing" {
  assert {
    condition     = terraform_data.update.id == "q"
    error_message = "never"
  }
}
