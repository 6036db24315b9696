# What clients see, in one of two sites.

variable "name" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

module "edge" {
  source   = "./edge"
  for_each = toset(["shop", "admin"])

  name       = "${var.name}-${each.key}"
  vpc_id     = var.vpc_id
  subnet_ids = var.subnet_ids
}
