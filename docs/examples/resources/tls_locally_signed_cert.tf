# The certificate of EasyPay's database, signed by an authority of our own. From 30 days before its end on, a plan
# replaces it; the new one is there before the old one goes.

resource "tls_private_key" "this" {
  for_each = toset(["authority", "database"])

  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_self_signed_cert" "authority" {
  private_key_pem       = tls_private_key.this["authority"].private_key_pem
  is_ca_certificate     = true
  validity_period_hours = 5 * 365 * 24
  allowed_uses          = ["cert_signing", "crl_signing"]

  subject {
    common_name = "EasyPay services"
  }
}

resource "tls_cert_request" "database" {
  private_key_pem = tls_private_key.this["database"].private_key_pem
  dns_names       = ["database.easypay.svc"]
  ip_addresses    = ["10.20.1.20"]
}

resource "tls_locally_signed_cert" "database" {
  cert_request_pem      = tls_cert_request.database.cert_request_pem
  ca_private_key_pem    = tls_private_key.this["authority"].private_key_pem
  ca_cert_pem           = tls_self_signed_cert.authority.cert_pem
  validity_period_hours = 90 * 24
  early_renewal_hours   = 30 * 24
  allowed_uses          = ["digital_signature", "key_encipherment", "server_auth"]

  lifecycle {
    create_before_destroy = true
  }
}
