# The password of EasyPay's database user. It is renewed every 90 days; no plan and no message shows it.

resource "time_rotating" "database_password" {
  rotation_days = 90
}

resource "random_password" "database" {
  length           = 32
  min_numeric      = 2
  min_special      = 2
  override_special = "-_."

  keepers = {
    since = time_rotating.database_password.id
  }
}

output "database_password" {
  description = "Read it with formwork output -raw database_password."
  value       = random_password.database.result
  sensitive   = true
}
