# One module instance for each service, known by its name: module.service["wallet"]. Adding or removing an entry of
# var.services touches that one alone, which is why for_each is better here than count.
module "service" {
  source   = "./modules/service"
  for_each = var.services

  name      = each.key
  port      = each.value.port
  replicas  = each.value.replicas
  hostname  = each.value.public ? "${each.key}.${var.domain}" : null
  settings  = each.value.settings
  out       = "${var.out}/services"
  pool_size = local.pool_size

  database = {
    host            = var.database.host
    port            = var.database.port
    timeout_seconds = var.database.timeout_seconds
    password        = random_password.database.result
  }
}
