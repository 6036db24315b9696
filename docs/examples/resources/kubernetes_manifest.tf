# EasyPay's front end in Kubernetes. The apply is over when all its pods are ready; the number of pods is the
# autoscaler's after that.

provider "kubernetes" {
  config_path = "~/.kube/config"
}

resource "kubernetes_manifest" "front_end" {
  manifest = {
    apiVersion = "apps/v1"
    kind       = "Deployment"
    metadata   = { name = "front-end", namespace = "easypay" }
    spec = {
      replicas = 2
      selector = { matchLabels = { app = "front-end" } }
      template = {
        metadata = { labels = { app = "front-end" } }
        spec = {
          containers = [{
            name      = "front-end"
            image     = "docker.io/nginxinc/nginx-unprivileged:1.27.3-alpine"
            ports     = [{ name = "http", containerPort = 8080, protocol = "TCP" }]
            resources = { requests = { cpu = "100m", memory = "128Mi" } }
          }]
        }
      }
    }
  }

  computed_fields = ["spec.replicas"]

  wait {
    rollout = true
  }
}
