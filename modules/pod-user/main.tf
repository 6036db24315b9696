# A user who may create, list, get, update and delete pods in one namespace, and nothing else. Kubernetes has no list of
# users: whoever shows a certificate that the cluster signed is who the certificate says.

resource "tls_private_key" "this" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

# No organization: that would be a group, and groups have rights of their own.
resource "tls_cert_request" "this" {
  private_key_pem = tls_private_key.this.private_key_pem

  subject {
    common_name = var.name
  }
}

resource "kubernetes_certificate_signing_request_v1" "this" {
  metadata {
    name = "${var.namespace}-${var.name}"
  }

  spec {
    request     = tls_cert_request.this.cert_request_pem
    signer_name = "kubernetes.io/kube-apiserver-client"
    usages      = ["client auth"]
  }

  auto_approve = true
}

resource "kubernetes_manifest" "role" {
  manifest = {
    apiVersion = "rbac.authorization.k8s.io/v1"
    kind       = "Role"
    metadata = {
      name      = var.name
      namespace = var.namespace
    }
    rules = [{
      apiGroups = [""]
      resources = ["pods"]
      verbs     = ["create", "list", "get", "update", "delete"]
    }]
  }
}

resource "kubernetes_manifest" "binding" {
  manifest = {
    apiVersion = "rbac.authorization.k8s.io/v1"
    kind       = "RoleBinding"
    metadata = {
      name      = var.name
      namespace = var.namespace
    }
    roleRef = {
      apiGroup = "rbac.authorization.k8s.io"
      kind     = "Role"
      name     = kubernetes_manifest.role.manifest.metadata.name
    }
    subjects = [{
      apiGroup = "rbac.authorization.k8s.io"
      kind     = "User"
      name     = var.name
    }]
  }
}

resource "local_sensitive_file" "kubeconfig" {
  filename        = var.kubeconfig_path
  file_permission = "0600"

  content = yamlencode({
    apiVersion      = "v1"
    kind            = "Config"
    current-context = var.name
    contexts = [{
      name = var.name
      context = {
        cluster   = "cluster"
        namespace = var.namespace
        user      = var.name
      }
    }]
    clusters = [{
      name = "cluster"
      cluster = {
        server                     = var.cluster.server
        certificate-authority-data = base64encode(var.cluster.certificate_authority)
      }
    }]
    users = [{
      name = var.name
      user = {
        client-certificate-data = base64encode(kubernetes_certificate_signing_request_v1.this.certificate)
        client-key-data         = base64encode(tls_private_key.this.private_key_pem)
      }
    }]
  })
}
