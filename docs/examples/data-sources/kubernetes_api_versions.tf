# The autoscaler in the version that the cluster offers: autoscaling/v2 from Kubernetes 1.23 on.

provider "kubernetes" {
  config_path = "~/.kube/config"
}

data "kubernetes_api_versions" "cluster" {}

locals {
  offered = data.kubernetes_api_versions.cluster.group_versions
}

resource "kubernetes_manifest" "autoscaler" {
  manifest = {
    apiVersion = contains(local.offered, "autoscaling/v2") ? "autoscaling/v2" : "autoscaling/v1"
    kind       = "HorizontalPodAutoscaler"
    metadata   = { name = "front-end", namespace = "easypay" }
    spec = {
      scaleTargetRef = { apiVersion = "apps/v1", kind = "Deployment", name = "front-end" }
      minReplicas    = 2
      maxReplicas    = 10
    }
  }
}
