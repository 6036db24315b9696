# EasyPay, whole: machines at AWS, what Ansible puts on them, the application in Kubernetes, and a snapshot of the
# cluster's database at the end. One `formwork apply` does all of it, in the order that follows from who needs what.
#
#   the cloud          this file: network, nodes, load balancer
#   the nodes          ansible.tf
#   the application    kubernetes.tf: the application, the user of its pods
#   the snapshot       etcd.tf
#   what to set        variables.tf, and providers.tf
#   what comes out     outputs.tf

data "aws_availability_zones" "available" {
  state = "available"
}

data "aws_ami" "node" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = [var.image_name]
  }
}

module "network" {
  source = "../../modules/network"

  name       = var.name
  cidr_block = var.vpc_cidr_block

  # One subnet in each of as many zones: if one zone fails, the others go on.
  subnets = { for name, cidr_block in var.subnets : name => {
    cidr_block        = cidr_block
    availability_zone = data.aws_availability_zones.available.names[index(keys(var.subnets), name)]
  } }

  public_ports      = { web = var.node_port }
  admin_cidr_blocks = var.admin_cidr_blocks
}

module "nodes" {
  source = "../../modules/nodes"

  name               = var.name
  ami                = data.aws_ami.node.id
  instance_type      = var.instance_type
  security_group_ids = [module.network.node_security_group_id]
  public_key         = local.ssh_public_key

  nodes = { for name, node in var.nodes : name => {
    subnet_id  = module.network.subnet_ids[node.subnet]
    private_ip = node.private_ip
  } }
}

module "load_balancer" {
  source = "../../modules/load-balancer"

  name        = var.name
  vpc_id      = module.network.vpc_id
  subnet_ids  = module.network.subnet_ids
  targets     = { for name, node in module.nodes.nodes : name => node.id }
  target_port = var.node_port
  health_path = "/healthz"
}
