# As where the same configuration makes the cluster: its address is only known when it is there, so this plans without
# one, as for a current cluster, and "not checked by the server" stands with each object. To apply it, give it yours.
resource "terraform_data" "cluster" {
  input = "https://127.0.0.1:6443"
}

provider "kubernetes" {
  host  = terraform_data.cluster.output
  token = "example"
}

module "app" {
  source = "../"

  namespace    = "example"
  api_versions = ["apps/v1", "autoscaling/v2", "networking.k8s.io/v1", "v1"]

  frontend = {
    image       = "docker.io/nginxinc/nginx-unprivileged:1.27.3-alpine"
    user_id     = 101
    health_path = "/"

    # nginx wants to write there when it starts.
    writable_paths = ["/tmp", "/etc/nginx/conf.d"]
  }
}

output "autoscaling_version" {
  value = module.app.autoscaling_version
}
