# A request for the certificate of EasyPay's public address, as a file to hand to a certificate authority.

resource "tls_private_key" "server" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_cert_request" "server" {
  private_key_pem = tls_private_key.server.private_key_pem
  dns_names       = ["pay.easypay.example", "www.easypay.example"]

  subject {
    common_name  = "pay.easypay.example"
    organization = "EasyPay"
  }
}

resource "local_file" "server_request" {
  filename        = "${path.module}/server.csr"
  file_permission = "0644"
  content         = tls_cert_request.server.cert_request_pem
}
