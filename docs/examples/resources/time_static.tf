# When the release that is in place was first applied. Unlike timestamp(), it stays the same from plan to plan.

variable "release" {
  description = "Release of EasyPay."
  type        = string
  default     = "2025.3"
}

resource "time_static" "released" {
  triggers = {
    release = var.release
  }
}

output "released" {
  value = "EasyPay ${var.release}, since ${formatdate("YYYY-MM-DD", time_static.released.rfc3339)}"
}
