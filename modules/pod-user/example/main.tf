# As where the same configuration makes the cluster: its address is only known when it is there, so this plans without
# one, and "not checked by the server" stands with each object. To apply it, give it yours.
resource "terraform_data" "cluster" {
  input = "https://127.0.0.1:6443"
}

provider "kubernetes" {
  host  = terraform_data.cluster.output
  token = "example"
}

module "user" {
  source = "../"

  name            = "operator"
  namespace       = "default"
  kubeconfig_path = "${path.module}/operator.kubeconfig"

  cluster = {
    server                = terraform_data.cluster.output
    certificate_authority = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"
  }
}

output "kubeconfig" {
  value = module.user.kubeconfig_path
}
