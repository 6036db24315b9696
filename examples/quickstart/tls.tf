# The key pair with which operators log in. The private half is in the state as well: guard the state like the key.
resource "tls_private_key" "operator" {
  algorithm = "ED25519"
}

resource "local_sensitive_file" "operator_key" {
  filename        = "${var.out}/ssh/operator"
  file_permission = "0600"
  content         = tls_private_key.operator.private_key_openssh
}

resource "local_file" "operator_public_key" {
  filename        = "${var.out}/ssh/operator.pub"
  file_permission = "0644"
  content         = tls_private_key.operator.public_key_openssh
}

# A certificate authority of our own ...
resource "tls_private_key" "authority" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_self_signed_cert" "authority" {
  private_key_pem       = tls_private_key.authority.private_key_pem
  is_ca_certificate     = true
  validity_period_hours = 5 * 365 * 24
  allowed_uses          = ["cert_signing", "crl_signing"]

  subject {
    common_name  = "EasyPay authority (${random_pet.environment.id})"
    organization = "EasyPay"
  }
}

# ... signs the certificate of the public services. The order (key, request, signature, file) is nowhere written
# down: it follows from who refers to whom.
resource "tls_private_key" "server" {
  algorithm = "RSA"
  rsa_bits  = 2048
}

resource "tls_cert_request" "server" {
  private_key_pem = tls_private_key.server.private_key_pem
  dns_names       = concat([var.domain], local.public_names)

  subject {
    common_name  = var.domain
    organization = "EasyPay"
  }
}

# From 30 days before its end on, it is planned to be replaced.
resource "tls_locally_signed_cert" "server" {
  cert_request_pem      = tls_cert_request.server.cert_request_pem
  ca_private_key_pem    = tls_private_key.authority.private_key_pem
  ca_cert_pem           = tls_self_signed_cert.authority.cert_pem
  validity_period_hours = 90 * 24
  early_renewal_hours   = 30 * 24
  allowed_uses          = ["digital_signature", "key_encipherment", "server_auth"]

  # The new certificate is there before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

resource "local_sensitive_file" "server_key" {
  filename        = "${var.out}/tls/server.key"
  file_permission = "0600"
  content         = tls_private_key.server.private_key_pem
}

resource "local_file" "server_certificate" {
  filename        = "${var.out}/tls/server.crt"
  file_permission = "0644"
  content         = "${tls_locally_signed_cert.server.cert_pem}${tls_self_signed_cert.authority.cert_pem}"
}
