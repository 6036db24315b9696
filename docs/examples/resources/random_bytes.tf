# A key of 256 bits for signing the sessions of EasyPay's users. Each new generation draws a new one.

variable "session_key_generation" {
  description = "Count it up to draw a new key; all sessions end with the old one."
  type        = number
  default     = 1
}

resource "random_bytes" "session_key" {
  length = 32

  keepers = {
    generation = var.session_key_generation
  }
}

output "session_key" {
  description = "The key in base64."
  value       = random_bytes.session_key.base64
  sensitive   = true
}
