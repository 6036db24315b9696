variable "namespace" {
  description = "Namespace that everything is in. It is made here."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A namespace has at most 63 lower-case letters, digits and dashes, and no dash at either end."
  }
}

variable "part_of" {
  description = "The label app.kubernetes.io/part-of of everything."
  type        = string
  default     = "easypay"
}

variable "api_versions" {
  description = "What the cluster offers, as `group/version`; from the data source kubernetes_api_versions."
  type        = set(string)
}

variable "node_port" {
  description = "Port of every node that leads to the front end. Two installations in one cluster need two."
  type        = number
  default     = 30080

  validation {
    condition     = var.node_port >= 30000 && var.node_port <= 32767
    error_message = "Clusters take node ports between 30000 and 32767."
  }
}

variable "frontend" {
  description = <<-EOT
    The application's pods.

    - `image`, and the numeric `user_id` that it runs as (not root)
    - `port`, and `health_path` that answers 200 when a pod can serve
    - `settings`: environment variables. DATABASE_HOST, _PORT, _NAME, _USER, _PASSWORD, _POOL_SIZE and
      _CONNECT_TIMEOUT_SECONDS are there besides
    - `files`: files by name, and the folder (`path`) in which a pod finds them
    - `writable_paths`: folders that it may write to; nothing else is
    - `cpu`, `memory`: what a pod requests, as Kubernetes writes it; `memory_limit`: when it is ended
    - `min_replicas`, `max_replicas`: how few and how many pods; more when they use `target_percent` of what they request
    - `connect_timeout_seconds`: how long a pod waits for the database
  EOT
  type = object({
    image                   = string
    user_id                 = number
    port                    = optional(number, 8080)
    health_path             = optional(string, "/healthz")
    settings                = optional(map(string), {})
    files                   = optional(object({ path = string, content = map(string) }))
    writable_paths          = optional(list(string), ["/tmp"])
    cpu                     = optional(string, "100m")
    memory                  = optional(string, "128Mi")
    memory_limit            = optional(string, "256Mi")
    min_replicas            = optional(number, 2)
    max_replicas            = optional(number, 10)
    target_percent          = optional(number, 50)
    connect_timeout_seconds = optional(number, 5)
  })

  validation {
    condition     = var.frontend.user_id > 0
    error_message = "The front end does not run as root: give the number of another user."
  }

  validation {
    condition     = var.frontend.min_replicas >= 1 && var.frontend.max_replicas >= var.frontend.min_replicas
    error_message = "There must be at least one replica, and at most as many as max_replicas."
  }

  # Payments fail when connections time out.
  validation {
    condition     = var.frontend.connect_timeout_seconds >= 2
    error_message = "Give the front end at least 2 seconds to reach the database."
  }
}

variable "database" {
  description = <<-EOT
    The database.

    - `image`: MySQL's official one, or one that is used like it
    - `name`, `user`: of the database that the front end uses
    - `storage`: size of its volume; `storage_class`: which kind (null: the cluster's default)
    - `cpu`, `memory`: what it requests; `buffer_pool`: what of that MySQL keeps for data
    - `max_connections`: shared out over the front end's pods
  EOT
  type = object({
    image           = optional(string, "docker.io/library/mysql:8.4.3")
    name            = optional(string, "easypay")
    user            = optional(string, "easypay")
    storage         = optional(string, "20Gi")
    storage_class   = optional(string)
    cpu             = optional(string, "500m")
    memory          = optional(string, "1Gi")
    buffer_pool     = optional(string, "512M")
    max_connections = optional(number, 200)
  })
  default = {}

  validation {
    condition     = var.database.max_connections >= 50
    error_message = "The database must take at least 50 connections."
  }
}
