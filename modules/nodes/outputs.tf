output "nodes" {
  description = "The nodes by name: `id`, `private_ip`, `availability_zone`."
  value = { for name, instance in aws_instance.this : name => {
    id                = instance.id
    private_ip        = instance.private_ip
    availability_zone = instance.availability_zone
  } }
}

# Only addresses that are attached: whoever uses one reaches the node.
output "elastic_ips" {
  description = "Elastic IPs by the node's name; empty without `elastic_ips`."
  value       = { for name, association in aws_eip_association.this : name => association.public_ip }
}
