# Who may talk to whom in the namespace. Policies only ever allow; a pod that is selected by any of them takes nothing
# else.

# Everything is closed,
resource "kubernetes_manifest" "closed" {
  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "NetworkPolicy"
    metadata = {
      name      = "closed"
      namespace = local.namespace
    }
    spec = {
      podSelector = {}
      policyTypes = ["Ingress"]
    }
  }
}

# the front end is open to all, at its port,
resource "kubernetes_manifest" "frontend_policy" {
  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "NetworkPolicy"
    metadata = {
      name      = "frontend"
      namespace = local.namespace
    }
    spec = {
      podSelector = { matchLabels = local.labels.frontend }
      policyTypes = ["Ingress"]
      ingress     = [{ ports = [{ port = var.frontend.port, protocol = "TCP" }] }]
    }
  }
}

# and the database is open to the front end's pods of this namespace, at MySQL's port, and calls nobody itself.
resource "kubernetes_manifest" "database_policy" {
  manifest = {
    apiVersion = "networking.k8s.io/v1"
    kind       = "NetworkPolicy"
    metadata = {
      name      = "database"
      namespace = local.namespace
    }
    spec = {
      podSelector = { matchLabels = local.labels.database }
      policyTypes = ["Ingress", "Egress"]
      ingress = [{
        from  = [{ podSelector = { matchLabels = local.labels.frontend } }]
        ports = [{ port = 3306, protocol = "TCP" }]
      }]
    }
  }
}
