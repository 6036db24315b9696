# Two nodes in subnets that are there already.
variable "subnet_ids" {
  type    = list(string)
  default = ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"]
}

module "nodes" {
  source = "../"

  name               = "example"
  ami                = "ami-0123456789abcdef0"
  security_group_ids = ["sg-0123456789abcdef0"]
  public_key         = tls_private_key.example.public_key_openssh

  nodes = {
    one = { subnet_id = var.subnet_ids[0], private_ip = "10.30.1.11" }
    two = { subnet_id = var.subnet_ids[1], private_ip = "10.30.2.11" }
  }
}

resource "tls_private_key" "example" {
  algorithm = "ED25519"
}

output "elastic_ips" {
  value = module.nodes.elastic_ips
}
