# A certificate that tells the cluster who its owner is: the user easypay-operator. What that user may do is said by a
# Role and a RoleBinding.

provider "kubernetes" {
  config_path = "~/.kube/config"
}

resource "tls_private_key" "operator" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_cert_request" "operator" {
  private_key_pem = tls_private_key.operator.private_key_pem

  subject {
    common_name = "easypay-operator"
  }
}

resource "kubernetes_certificate_signing_request_v1" "operator" {
  metadata {
    name = "easypay-operator"
  }

  spec {
    request     = tls_cert_request.operator.cert_request_pem
    signer_name = "kubernetes.io/kube-apiserver-client"
    usages      = ["client auth"]
  }
}

output "certificate" {
  value = kubernetes_certificate_signing_request_v1.operator.certificate
}
