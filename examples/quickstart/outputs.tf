output "environment" {
  description = "Name of this installation."
  value       = random_pet.environment.id
}

output "services" {
  description = "Where each service listens."
  value       = { for name, service in module.service : name => service.endpoint }
}

output "certificate_valid_until" {
  description = "End of the server's certificate."
  value       = tls_locally_signed_cert.server.validity_end_time
}

# Without sensitive = true this would be refused: a secret leaves a configuration only when it is said so. Read it
# with `formwork output -raw database_password`.
output "database_password" {
  description = "Password of the services at the database."
  value       = random_password.database.result
  sensitive   = true
}
