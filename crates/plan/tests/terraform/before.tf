variable "name" {
  default = "n"
}

resource "terraform_data" "update" {
  input = { list = [1, sensitive("hunter2"), 0.1], m = tomap({ k = "<v>" }), nul = null, name = var.name }
}

resource "terraform_data" "replace" {
  input            = [terraform_data.update.id, { x = terraform_data.update.output, y = 1 }]
  triggers_replace = [var.name]
}

resource "terraform_data" "count" {
  count = 11
}

resource "terraform_data" "triggered" {
  input = 12345678901234567890
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.update]
  }
}

resource "terraform_data" "old" {
  input = sensitive(["a"])
}

resource "terraform_data" "forgotten" {
}

module "m" {
  for_each = toset(["one", "k\"2"])
  source   = "./m"
  v        = var.name
}

output "gone" {
  value = 1
}

output "secret" {
  value     = var.name
  sensitive = true
}

output "same" {
  value = toset(["same"])
}
