# Remembers which release is in place, and writes down each new one: when the release changes, the second resource is
# replaced, and its provisioner runs again.

variable "release" {
  description = "Release of EasyPay."
  type        = string
  default     = "2025.3"
}

resource "terraform_data" "release" {
  input = var.release
}

resource "terraform_data" "release_log" {
  triggers_replace = terraform_data.release.output

  provisioner "local-exec" {
    command     = "echo \"EasyPay $RELEASE\" >> releases.log"
    environment = { RELEASE = terraform_data.release.output }
  }
}

output "release" {
  value = terraform_data.release.output
}
