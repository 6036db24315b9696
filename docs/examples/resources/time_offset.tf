# The end of a trial installation: fourteen days after it was first applied. A longer trial is counted from the same
# beginning.

variable "trial_days" {
  description = "How many days the trial lasts."
  type        = number
  default     = 14
}

resource "time_offset" "trial_end" {
  offset_days = var.trial_days
}

output "trial_ends" {
  value = formatdate("D MMMM YYYY", time_offset.trial_end.rfc3339)
}
