# Which image the front end runs that is in the cluster now, whoever put it there.

provider "kubernetes" {
  config_path = "~/.kube/config"
}

data "kubernetes_resource" "front_end" {
  api_version = "apps/v1"
  kind        = "Deployment"

  metadata {
    name      = "front-end"
    namespace = "easypay"
  }
}

output "images" {
  value = [for container in data.kubernetes_resource.front_end.object.spec.template.spec.containers : container.image]
}
