# The database subnets of a network that is there already get a route table of their own, without a way to the internet.

provider "aws" {
  region = "eu-central-1"
}

variable "vpc_id" {
  description = "ID of the network."
  type        = string
}

variable "database_subnet_ids" {
  description = "IDs of the subnets that the databases are in, by a short name."
  type        = map(string)
}

resource "aws_route_table" "internal" {
  vpc_id = var.vpc_id
  route  = []
}

resource "aws_route_table_association" "database" {
  for_each = var.database_subnet_ids

  subnet_id      = each.value
  route_table_id = aws_route_table.internal.id
}
