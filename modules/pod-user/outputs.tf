output "name" {
  description = "Name of the user, once the user may do something."
  value       = kubernetes_manifest.binding.manifest.subjects[0].name
}

output "kubeconfig_path" {
  description = "The user's kubeconfig."
  value       = local_sensitive_file.kubeconfig.filename
}
