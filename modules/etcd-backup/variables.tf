variable "path" {
  description = "File that the snapshot is written to, and that a new one replaces."
  type        = string
}

variable "triggers" {
  description = "Any values: when one changes, a new snapshot is taken."
  type        = map(string)
  default     = {}
}

variable "delete_on_destroy" {
  description = "Whether destroying removes the file. A backup that goes with what it is the backup of is none, so it stays unless you say otherwise."
  type        = bool
  default     = false
}
