# A small start of EasyPay, made of files alone: nothing here needs a cloud, an account or a network.
#
#   names and secrets   this file
#   certificates        tls.tf
#   services            services.tf, with modules/service
#   what comes out      outputs.tf

locals {
  # Connections are shared out evenly over all replicas of all services.
  replicas  = sum([for service in var.services : service.replicas])
  pool_size = floor(var.database.max_connections / local.replicas)

  public_names = [for name, service in var.services : "${name}.${var.domain}" if service.public]
}

# Drawn once, at apply: the plan says "(known after apply)", and later plans keep what the state holds.
resource "random_pet" "environment" {
  length = 2
}

# Every 90 days this resource is gone when it is read, so it is planned anew, and the password with it.
resource "time_rotating" "database_password" {
  rotation_days = 90
}

# Its result is sensitive. Every value made of it is sensitive too, and shown as "(sensitive value)".
resource "random_password" "database" {
  length           = 24
  override_special = "-_."

  keepers = {
    since = time_rotating.database_password.id
  }
}

# Part of the program and of Terraform itself; keeps a value in the state, and is updated in place when it changes.
resource "terraform_data" "release" {
  input = {
    release  = var.release
    services = keys(var.services)
  }
}

# The content has the password in it: local_sensitive_file never shows it, and its mode keeps others out.
resource "local_sensitive_file" "database" {
  filename        = "${var.out}/database.cnf"
  file_permission = "0600"

  content = templatefile("${path.module}/templates/database.cnf.tftpl", {
    database = var.database
    password = random_password.database.result
  })
}

# Nothing secret in this one, so its plan shows the lines that change.
resource "local_file" "overview" {
  filename        = "${var.out}/overview.md"
  file_permission = "0644"

  content = templatefile("${path.module}/templates/overview.md.tftpl", {
    domain      = var.domain
    environment = random_pet.environment.id
    notice      = var.notice
    pool_size   = local.pool_size
    release     = var.release
    services    = var.services
  })
}
