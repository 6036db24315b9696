variable "name" {
  description = "Name of the load balancer and its target group: at most 32 letters, digits and dashes."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$", var.name))
    error_message = "AWS takes at most 32 letters, digits and dashes, and no dash at either end."
  }
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "IDs of public subnets by a short name, one for each availability zone."
  type        = map(string)
}

variable "port" {
  description = "TCP port that clients connect to."
  type        = number
  default     = 80
}

variable "targets" {
  description = "IDs of the instances behind it by name. The names must be known when planning."
  type        = map(string)
}

variable "target_port" {
  description = "TCP port of the instances."
  type        = number
}

variable "health_path" {
  description = "Path at the instances' port that answers 200 to 399 when an instance is fit."
  type        = string
  default     = "/"
}

variable "deregistration_delay" {
  description = "For how many seconds connections to an instance that is taken out may go on."
  type        = number
  default     = 60
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the load balancer."
  type        = bool
  default     = false
}
