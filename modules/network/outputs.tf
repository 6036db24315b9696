output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.this.id
}

# Before it has its route to the gateway, and the gateway is there, a subnet is of no use to anything in it.
output "subnet_ids" {
  description = "IDs of the subnets by their short names."
  value       = { for key, subnet in aws_subnet.public : key => subnet.id }
  depends_on  = [aws_route_table_association.public]
}

output "node_security_group_id" {
  description = "ID of the nodes' security group."
  value       = aws_security_group.nodes.id
}
