# Two of the region's three zones for the nodes, so that small installations do not all crowd into the first two.

variable "availability_zones" {
  description = "Zones to choose from."
  type        = list(string)
  default     = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

resource "random_shuffle" "zones" {
  input        = var.availability_zones
  result_count = 2
}

output "zones" {
  description = "The zones that the nodes are in."
  value       = random_shuffle.zones.result
}
