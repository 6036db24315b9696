variable "out" {
  description = "Folder that the files are written to. It is created when it is missing."
  type        = string
  default     = "./out"

  validation {
    condition     = length(var.out) > 0 && !endswith(var.out, "/")
    error_message = "The folder must have a name, without a slash at its end."
  }
}

variable "domain" {
  description = "DNS name under which EasyPay is reached; each service is a name below it."
  type        = string
  default     = "easypay.example"

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain))
    error_message = "A domain has at least two parts of lower-case letters, digits and dashes, such as easypay.example."
  }
}

variable "release" {
  description = "Release of EasyPay that is configured."
  type        = string
}

variable "notice" {
  description = "Line that the overview shows to whoever operates EasyPay. Edit it, and plan again."
  type        = string
  default     = "Wallets are open for deposits. (demo: this line changes)"
}

variable "database" {
  description = "The database server, and how long the services wait for it."
  type = object({
    host            = string
    port            = optional(number, 3306)
    max_connections = optional(number, 200)
    timeout_seconds = optional(number, 5)
  })

  # Payments fail when connections time out: a timeout that is too short is refused before anything is written.
  validation {
    condition     = var.database.timeout_seconds >= 2
    error_message = "Give the services at least 2 seconds to reach the database."
  }
}

# A map of objects: for_each makes one module of each entry. What `optional` leaves open gets its default here, so
# the module can rely on it.
variable "services" {
  description = "The services of EasyPay by name."
  type = map(object({
    port     = number
    replicas = optional(number, 1)
    public   = optional(bool, false)
    settings = optional(map(string), {})
  }))

  validation {
    condition     = length(var.services) > 0
    error_message = "There must be at least one service."
  }

  validation {
    condition     = length(distinct([for service in var.services : service.port])) == length(var.services)
    error_message = "Two services have the same port."
  }
}
