# The machines of a cluster, each with the private address that it is given: what knows a node by its address (an
# inventory, a certificate, a member of a cluster) stays right when the node is made anew.

resource "aws_key_pair" "this" {
  key_name   = var.name
  public_key = var.public_key

  tags = { Name = var.name }
}

resource "aws_instance" "this" {
  for_each = var.nodes

  ami                    = var.ami
  instance_type          = var.instance_type
  subnet_id              = each.value.subnet_id
  private_ip             = each.value.private_ip
  vpc_security_group_ids = var.security_group_ids
  key_name               = aws_key_pair.this.key_name

  # Credentials of the instance only for those who can send a PUT from it, which a misled web server cannot.
  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.root_volume_size
    encrypted   = true
  }

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    # A newer image is for new nodes. To renew one: -replace='module.….aws_instance.this["NODE"]'.
    ignore_changes = [ami]
  }
}

# An address that outlives the machine.
resource "aws_eip" "this" {
  for_each = { for key, node in var.nodes : key => node if var.elastic_ips }

  domain = "vpc"

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_eip_association" "this" {
  for_each = aws_eip.this

  allocation_id = each.value.id
  instance_id   = aws_instance.this[each.key].id
}
