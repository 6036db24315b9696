# Given as `-var 'nodes={"web":{"size":"large"}}'`, or in a file.
variable "nodes" {
  type = map(object({
    size = optional(string, "small")
    zone = optional(string)
  }))
  default     = { web = {} }
  description = "The nodes, by name."
  nullable    = false

  validation {
    condition     = alltrue([for n in var.nodes : contains(var.sizes, n.size)])
    error_message = "Sizes are ${join(", ", var.sizes)}."
  }
}

variable "sizes" {
  type    = list(string)
  default = ["small", "large"]
}

# Kept out of what is shown, but stored in the state with what is made from it.
variable "database_password" {
  type      = string
  default   = null
  sensitive = true
}

# Never stored at all.
variable "session_token" {
  type      = string
  default   = null
  ephemeral = true
}

variable "node_count" {
  type       = number
  default    = null
  deprecated = "Name the nodes in var.nodes."
}

output "zones" {
  value = { for name, n in var.nodes : name => coalesce(n.zone, "any") }
}
