output "endpoint" {
  description = "Where the service listens."
  value       = "${coalesce(var.hostname, "localhost")}:${var.port}"
}

output "config" {
  description = "Path of the configuration file."
  value       = local_file.config.filename
}
