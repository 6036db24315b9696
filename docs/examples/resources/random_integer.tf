# A port of every node for the front end, so that several installations can share one cluster.

resource "random_integer" "node_port" {
  min = 30000
  max = 32767
}

output "node_port" {
  description = "Port of every node that leads to the front end."
  value       = random_integer.node_port.result
}
