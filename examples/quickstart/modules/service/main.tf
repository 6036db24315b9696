# A module is a folder. It says which providers it needs, and takes their configuration from its caller.
terraform {
  required_providers {
    local = {
      source = "hashicorp/local"
    }
  }
}

locals {
  # Encoded, since the password may hold characters that mean something in a URL.
  database_url = join("", [
    "mysql://${var.name}:${urlencode(var.database.password)}@${var.database.host}:${var.database.port}/easypay",
    "?connect_timeout=${var.database.timeout_seconds}",
  ])
}

resource "local_file" "config" {
  filename        = "${var.out}/${var.name}.conf"
  file_permission = "0644"

  content = templatefile("${path.module}/templates/service.conf.tftpl", {
    name      = var.name
    port      = var.port
    replicas  = var.replicas
    hostname  = var.hostname
    pool_size = var.pool_size
    settings  = var.settings
  })
}

resource "local_sensitive_file" "secrets" {
  filename        = "${var.out}/${var.name}.env"
  file_permission = "0600"
  content         = "DATABASE_URL=${local.database_url}\n"
}
