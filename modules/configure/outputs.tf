output "id" {
  description = "ID of the run: who refers to it comes after it."
  value       = ansible_playbook.this.id
}

output "stats" {
  description = "What the last run did, by node: tasks `ok`, `changed`, `failed`, `skipped` and so on."
  value       = ansible_playbook.this.stats
}
