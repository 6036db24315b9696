# The end of a load balancer's name, which must be unique in its region: six lower-case letters and digits.

resource "random_string" "suffix" {
  length  = 6
  upper   = false
  special = false
}

output "load_balancer_name" {
  description = "Such as easypay-x7k2pq."
  value       = "easypay-${random_string.suffix.result}"
}
