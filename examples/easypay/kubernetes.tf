# What the cluster offers. It is asked here, and not in the module, so that it is known before anything is made.
data "kubernetes_api_versions" "cluster" {}

locals {
  # Where the API server is and who signed its certificate, for the user's kubeconfig. The file has the secrets of the
  # one who applies in it: none of them is taken.
  kubeconfig = sensitive(yamldecode(file(pathexpand(var.kubeconfig))))
  context    = coalesce(var.kubeconfig_context, local.kubeconfig["current-context"])
  cluster = one([
    for entry in local.kubeconfig.clusters : entry.cluster
    if entry.name == one([for c in local.kubeconfig.contexts : c.context.cluster if c.name == local.context])
  ])
}

module "app" {
  source = "../../modules/easypay-app"

  namespace    = var.namespace
  api_versions = data.kubernetes_api_versions.cluster.group_versions
  node_port    = var.node_port

  frontend = {
    image   = var.frontend.image
    user_id = var.frontend.user_id

    settings = {
      EASYPAY_ANNOUNCEMENT = var.announcement
      EASYPAY_ENVIRONMENT  = var.name
      # The stand-in's: of its environment, only these are put into its configuration.
      NGINX_ENVSUBST_FILTER = "^EASYPAY_"
    }

    files = {
      path    = "/etc/nginx/templates"
      content = { "default.conf.template" = file("${path.module}/files/default.conf.template") }
    }
    writable_paths = ["/tmp", "/etc/nginx/conf.d"]

    min_replicas = var.frontend.min_replicas
    max_replicas = var.frontend.max_replicas
  }

  database = {
    storage_class = var.database_storage_class
  }

  # The cluster's nodes are ready before anything is to run on them.
  depends_on = [module.configure]
}

module "pod_user" {
  source = "../../modules/pod-user"

  name            = var.pod_user
  namespace       = module.app.namespace
  kubeconfig_path = "${var.out}/${var.pod_user}.kubeconfig"

  cluster = {
    server = nonsensitive(local.cluster.server)
    certificate_authority = nonsensitive(
      try(base64decode(local.cluster["certificate-authority-data"]), file(local.cluster["certificate-authority"]))
    )
  }
}
