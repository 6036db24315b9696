module "network" {
  source = "../"

  name       = "example"
  cidr_block = "10.30.0.0/16"

  subnets = {
    a = { cidr_block = "10.30.1.0/24", availability_zone = "eu-central-1a" }
    b = { cidr_block = "10.30.2.0/24", availability_zone = "eu-central-1b" }
  }

  public_ports      = { web = 30080 }
  admin_cidr_blocks = ["203.0.113.0/24"]
}

output "subnet_ids" {
  value = module.network.subnet_ids
}
