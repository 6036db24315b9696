output "namespace" {
  description = "Name of the namespace, once it is there."
  value       = local.namespace
}

output "autoscaling_version" {
  description = "Version of the autoscaler's API that the cluster offers, and that is used."
  value       = kubernetes_manifest.autoscaler.manifest.apiVersion
}

output "node_port" {
  description = "Port of every node that leads to the front end."
  value       = kubernetes_manifest.frontend_service.manifest.spec.ports[0].nodePort
}

output "revision" {
  description = "Changes with everything that is configured here, but for the passwords."
  value = sha256(jsonencode([
    kubernetes_manifest.frontend.manifest,
    kubernetes_manifest.frontend_service.manifest,
    kubernetes_manifest.database.manifest,
    kubernetes_manifest.database_files.manifest,
    kubernetes_manifest.frontend_policy.manifest,
    kubernetes_manifest.database_policy.manifest,
    kubernetes_manifest.closed.manifest,
    kubernetes_manifest.autoscaler.manifest,
  ]))
}
