variable "name" {
  description = "Beginning of the names of everything here."
  type        = string
}

variable "cidr_block" {
  description = "IPv4 network of the VPC, such as 10.20.0.0/16."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr_block, 0))
    error_message = "Write an IPv4 network such as 10.20.0.0/16."
  }
}

variable "subnets" {
  description = "The public subnets by a short name: their part of the network, and their availability zone."
  type = map(object({
    cidr_block        = string
    availability_zone = string
  }))

  validation {
    condition     = length(var.subnets) > 0
    error_message = "There must be at least one subnet."
  }
}

variable "public_ports" {
  description = "TCP ports of the nodes that everybody may reach, by what they are for."
  type        = map(number)
  default     = {}
}

variable "admin_ports" {
  description = "TCP ports of the nodes that administrators may reach, by what they are for."
  type        = map(number)
  default = {
    ssh        = 22
    kubernetes = 6443
  }
}

variable "admin_cidr_blocks" {
  description = "IPv4 networks that administrators come from. With none of them, nobody outside of the nodes reaches the admin ports."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for block in var.admin_cidr_blocks : can(cidrhost(block, 0))])
    error_message = "Write IPv4 networks such as 203.0.113.0/24."
  }
}
