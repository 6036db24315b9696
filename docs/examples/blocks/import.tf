locals {
  passwords = { web = "2b0f7d1c", api = "9a6e4c35" }
}

# Objects that there are already, one for each: they are taken over as they are.
import {
  for_each = local.passwords
  to       = random_id.token[each.key]
  id       = trimsuffix(base64encode(each.value), "=")
}

resource "random_id" "token" {
  for_each    = local.passwords
  byte_length = 8
}
