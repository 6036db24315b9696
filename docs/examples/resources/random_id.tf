# A name for a backup that no other installation has: the same until the environment is another.

variable "environment" {
  description = "Environment that is backed up."
  type        = string
  default     = "staging"
}

resource "random_id" "backup" {
  byte_length = 4
  prefix      = "easypay-${var.environment}-"

  keepers = {
    environment = var.environment
  }
}

output "backup_name" {
  description = "Such as easypay-staging-1f9c04ab."
  value       = random_id.backup.hex
}
