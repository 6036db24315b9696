# Who may talk to the nodes. The rules are resources of their own, so that one more or less touches no other.

resource "aws_security_group" "nodes" {
  name        = "${var.name}-nodes"
  description = "Nodes of ${var.name}"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-nodes" }
}

# One node to another, anything: the network of the pods is theirs.
resource "aws_vpc_security_group_ingress_rule" "nodes" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "From node to node"
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = "-1"
}

# A network load balancer hands connections on with the address of the client, so the clients are let in here.
resource "aws_vpc_security_group_ingress_rule" "public" {
  for_each = var.public_ports

  security_group_id = aws_security_group.nodes.id
  description       = "Public: ${each.key}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_ingress_rule" "admin" {
  for_each = { for pair in setproduct(keys(var.admin_ports), var.admin_cidr_blocks) : "${pair[0]} ${pair[1]}" => {
    cidr_block = pair[1]
    port       = var.admin_ports[pair[0]]
  } }

  security_group_id = aws_security_group.nodes.id
  description       = "Administration: ${each.key}"
  cidr_ipv4         = each.value.cidr_block
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

# Packages, images, the clock.
resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.nodes.id
  description       = "To anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
