# Gives a new setting five seconds to be noticed by everybody before the next step uses it.

resource "terraform_data" "settings" {
  input = { pool_size = 20 }
}

resource "time_sleep" "settings" {
  create_duration = "5s"

  triggers = {
    pool_size = terraform_data.settings.output.pool_size
  }
}

# It refers to the wait, not to the settings themselves, and so comes after both.
resource "terraform_data" "front_end" {
  input = "started with ${time_sleep.settings.triggers["pool_size"]} connections"
}
