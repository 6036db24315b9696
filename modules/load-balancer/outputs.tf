output "dns_name" {
  description = "DNS name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "addresses" {
  description = "Its Elastic IPs by the subnet's short name."
  value       = { for name, address in aws_eip.this : name => address.public_ip }
}

# The listener's, so that whoever waits for it has a load balancer that answers.
output "arn" {
  description = "ARN of the load balancer."
  value       = aws_lb_listener.this.load_balancer_arn
}
