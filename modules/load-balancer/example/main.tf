module "load_balancer" {
  source = "../"

  name        = "example"
  vpc_id      = "vpc-0123456789abcdef0"
  target_port = 30080

  subnet_ids = {
    a = "subnet-0a1b2c3d4e5f60718"
    b = "subnet-1a1b2c3d4e5f60718"
  }

  targets = {
    one = "i-0a1b2c3d4e5f60718"
    two = "i-1a1b2c3d4e5f60718"
  }
}

output "addresses" {
  value = module.load_balancer.addresses
}
