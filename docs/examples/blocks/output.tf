resource "random_password" "database" {
  length = 24
}

resource "random_pet" "node" {
  count = 3
}

output "nodes" {
  description = "The names of all nodes."
  value       = random_pet.node[*].id
  depends_on  = [random_password.database]

  precondition {
    condition     = length(random_pet.node) % 2 == 1
    error_message = "A vote among an even number of nodes can be a tie."
  }
}

output "database_password" {
  value     = random_password.database.result
  sensitive = true
}

output "first_node" {
  value      = random_pet.node[0].id
  deprecated = "Use nodes."
}
