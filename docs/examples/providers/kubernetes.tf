# Two clusters: one by a context of the kubeconfig file, one by its address and a token. Set the token by the
# environment, as TF_VAR_standby_token, and not in a file of the configuration.

variable "standby_token" {
  description = "Token of a service account of the standby cluster."
  type        = string
  sensitive   = true
}

variable "standby_authority" {
  description = "Certificate of the authority of the standby cluster, in PEM."
  type        = string
}

provider "kubernetes" {
  config_path    = "~/.kube/config"
  config_context = "easypay-production"
}

provider "kubernetes" {
  alias                  = "standby"
  host                   = "https://10.30.1.11:6443"
  cluster_ca_certificate = var.standby_authority
  token                  = var.standby_token
}

data "kubernetes_server_version" "production" {}

data "kubernetes_server_version" "standby" {
  provider = kubernetes.standby
}

output "versions" {
  value = [data.kubernetes_server_version.production.version, data.kubernetes_server_version.standby.version]
}
