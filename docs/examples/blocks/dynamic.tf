variable "organisations" {
  type = list(object({ name = string, country = string }))
  default = [{
    name    = "EasyPay"
    country = "DE"
  }]
}

resource "tls_private_key" "site" {
  algorithm = "ECDSA"
}

# A subject block for each organisation, of which there may be one here.
resource "tls_self_signed_cert" "site" {
  private_key_pem       = tls_private_key.site.private_key_pem
  validity_period_hours = 24
  allowed_uses          = ["server_auth"]

  dynamic "subject" {
    for_each = var.organisations
    iterator = each_one

    content {
      common_name  = "easypay.example"
      organization = each_one.value.name
      country      = each_one.value.country
    }
  }
}
