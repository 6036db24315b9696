variable "nodes" {
  type    = number
  default = 3
}

resource "local_file" "health" {
  filename = "${path.root}/health"
  content  = "ok"
}

# A warning in each plan and apply, as long as it does not hold.
check "majority" {
  assert {
    condition     = var.nodes % 2 == 1
    error_message = "A vote among ${var.nodes} nodes can be a tie."
  }
}

# What is read for a check may fail: that is a warning as well.
check "health" {
  data "local_file" "health" {
    provider   = local
    filename   = local_file.health.filename
    depends_on = [local_file.health]

    lifecycle {
      precondition {
        condition     = var.nodes > 0
        error_message = "There is nobody to be asked."
      }

      postcondition {
        condition     = self.content != ""
        error_message = "There is no word of the service's health."
      }
    }
  }

  assert {
    condition     = data.local_file.health.content == "ok"
    error_message = "The service is not well."
  }
}
