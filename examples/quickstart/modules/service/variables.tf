variable "name" {
  description = "Name of the service; its files are called after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.name))
    error_message = "A service's name has lower-case letters, digits and dashes, and starts with a letter."
  }
}

variable "port" {
  description = "Port that the service listens on."
  type        = number

  validation {
    condition     = var.port >= 1024 && var.port <= 65535
    error_message = "The port must be between 1024 and 65535: services do not run as root."
  }
}

variable "replicas" {
  description = "How many copies of the service run."
  type        = number
  default     = 1

  validation {
    condition     = var.replicas >= 1 && floor(var.replicas) == var.replicas
    error_message = "The number of replicas is a whole number, at least 1."
  }
}

variable "hostname" {
  description = "DNS name of the service, or null when it is not reached from outside."
  type        = string
  default     = null
}

variable "settings" {
  description = "Further settings of the service."
  type        = map(string)
  default     = {}
}

variable "pool_size" {
  description = "Connections to the database that each replica may keep."
  type        = number

  validation {
    condition     = var.pool_size >= 1
    error_message = "There are more replicas than the database takes connections."
  }
}

variable "out" {
  description = "Folder that the files are written to."
  type        = string
}

# Sensitive as a whole: whatever is made of any part of it is not shown.
variable "database" {
  description = "How the database is reached."
  type = object({
    host            = string
    port            = number
    timeout_seconds = number
    password        = string
  })
  sensitive = true
}
