# A certificate authority of our own, for connections between EasyPay's services. It is good for five years.

resource "tls_private_key" "authority" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_self_signed_cert" "authority" {
  private_key_pem       = tls_private_key.authority.private_key_pem
  is_ca_certificate     = true
  max_path_length       = 0
  validity_period_hours = 5 * 365 * 24
  allowed_uses          = ["cert_signing", "crl_signing"]

  subject {
    common_name  = "EasyPay services"
    organization = "EasyPay"
  }
}

output "authority" {
  description = "What clients have to trust."
  value       = tls_self_signed_cert.authority.cert_pem
}
