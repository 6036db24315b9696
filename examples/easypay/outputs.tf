output "address" {
  description = "Where EasyPay is reached."
  value       = "http://${module.load_balancer.dns_name}"
}

output "load_balancer_addresses" {
  description = "Elastic IPs of the load balancer, by subnet."
  value       = module.load_balancer.addresses
}

output "nodes" {
  description = "The nodes: ID, private address, availability zone, Elastic IP."
  value = { for name, node in module.nodes.nodes : name => merge(node, {
    elastic_ip = module.nodes.elastic_ips[name]
  }) }
}

output "namespace" {
  description = "Namespace of the application."
  value       = module.app.namespace
}

output "autoscaling_version" {
  description = "Version of the autoscaler's API that this cluster offers, and that is used."
  value       = module.app.autoscaling_version
}

output "pod_user_kubeconfig" {
  description = "Kubeconfig of the user who may work with the application's pods."
  value       = module.pod_user.kubeconfig_path
}

output "snapshot" {
  description = "The snapshot of etcd."
  value       = module.backup.snapshot
}
