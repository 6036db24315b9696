variable "name" {
  description = "Beginning of the names of everything here."
  type        = string
}

variable "nodes" {
  description = "The nodes by name: their subnet, and their private address in it. The names must be known when planning; the subnets may still be to come."
  type = map(object({
    subnet_id  = string
    private_ip = string
  }))

  validation {
    condition     = length(distinct([for node in var.nodes : node.private_ip])) == length(var.nodes)
    error_message = "Two nodes have the same private address."
  }
}

variable "ami" {
  description = "ID of the image that new nodes start from."
  type        = string
}

variable "instance_type" {
  description = "Type of the instances."
  type        = string
  default     = "t3.medium"
}

variable "root_volume_size" {
  description = "Size of each node's disk in GiB."
  type        = number
  default     = 30
}

variable "security_group_ids" {
  description = "IDs of the security groups that the nodes are in."
  type        = set(string)
}

variable "public_key" {
  description = "Public SSH key that may log in, as in authorized_keys."
  type        = string
}

variable "elastic_ips" {
  description = "Whether each node gets an Elastic IP. Without one (and without public addresses in its subnet) a node does not reach the internet."
  type        = bool
  default     = true
}
