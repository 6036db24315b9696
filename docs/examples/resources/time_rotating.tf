# A new key for EasyPay's interface every 30 days. When they are over, the next plan takes a new time, and with it
# draws a new key.

resource "time_rotating" "api_key" {
  rotation_days = 30
}

resource "random_password" "api_key" {
  length  = 40
  special = false

  keepers = {
    since = time_rotating.api_key.id
  }
}

output "api_key_valid_until" {
  value = time_rotating.api_key.rotation_rfc3339
}
