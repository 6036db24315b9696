# More pods when those that run use more than the target of the CPU time or memory that they request, on average. Each
# new one starts with the configuration of all the others.

locals {
  # Servers from 1.23 on have v2, and from 1.26 on nothing else but v1; older ones have v2beta2, of the same shape.
  autoscaling_version = (
    contains(var.api_versions, "autoscaling/v2") ? "autoscaling/v2" :
    contains(var.api_versions, "autoscaling/v2beta2") ? "autoscaling/v2beta2" :
    "autoscaling/v1"
  )

  # v1 knows the CPU only.
  autoscaling_by_memory = local.autoscaling_version != "autoscaling/v1"

  autoscaling_targets = {
    targetCPUUtilizationPercentage = var.frontend.target_percent
    metrics = [for resource in ["cpu", "memory"] : {
      type = "Resource"
      resource = {
        name   = resource
        target = { type = "Utilization", averageUtilization = var.frontend.target_percent }
      }
    }]
  }
}

resource "kubernetes_manifest" "autoscaler" {
  manifest = {
    apiVersion = local.autoscaling_version
    kind       = "HorizontalPodAutoscaler"
    metadata = {
      name      = "frontend"
      namespace = local.namespace
      labels    = local.labels.frontend
    }
    spec = merge(
      {
        scaleTargetRef = {
          apiVersion = "apps/v1"
          kind       = "Deployment"
          name       = kubernetes_manifest.frontend.manifest.metadata.name
        }
        minReplicas = var.frontend.min_replicas
        maxReplicas = var.frontend.max_replicas
      },
      { for key, value in local.autoscaling_targets : key => value if(key == "metrics") == local.autoscaling_by_memory },
    )
  }
}

check "autoscaling_by_memory" {
  assert {
    condition     = local.autoscaling_by_memory
    error_message = "This cluster offers autoscaling/v1 only, which knows CPU use but not memory use: memory alone will not add pods."
  }
}
