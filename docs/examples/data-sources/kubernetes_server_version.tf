# Refuses a cluster that is too old for what EasyPay asks of it.

provider "kubernetes" {
  config_path = "~/.kube/config"
}

data "kubernetes_server_version" "cluster" {
  lifecycle {
    postcondition {
      condition     = self.major == "1" && tonumber(trimsuffix(self.minor, "+")) >= 20
      error_message = "EasyPay needs Kubernetes 1.20 or later; this cluster has ${self.version}."
    }
  }
}

output "kubernetes_version" {
  value = data.kubernetes_server_version.cluster.version
}
