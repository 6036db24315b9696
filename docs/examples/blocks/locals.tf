# Names for what is written more than once.
locals {
  name  = "easypay"
  ports = { web = 443, ssh = 22 }
  rules = [for use, port in local.ports : "${local.name}-${use}:${port}"]
}

output "rules" {
  value = local.rules
}
