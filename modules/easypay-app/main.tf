# EasyPay in Kubernetes.
#
#   the namespace, and what several objects share   this file
#   the application's pods                          frontend.tf
#   the database                                    database.tf
#   who may talk to whom                            policy.tf
#   more pods under load                            autoscaler.tf

locals {
  labels = {
    for component in ["frontend", "database"] : component => {
      "app.kubernetes.io/name"    = component
      "app.kubernetes.io/part-of" = var.part_of
    }
  }

  # Every object refers to the namespace through this, and so comes after it, and goes before it.
  namespace = kubernetes_manifest.namespace.manifest.metadata.name
}

resource "kubernetes_manifest" "namespace" {
  manifest = {
    apiVersion = "v1"
    kind       = "Namespace"
    metadata = {
      name = var.namespace
      labels = {
        "app.kubernetes.io/part-of" = var.part_of
        # Servers from 1.23 on refuse pods here that could become root, or see the machine. Earlier ones see labels.
        "pod-security.kubernetes.io/enforce" = "restricted"
      }
    }
  }
}
