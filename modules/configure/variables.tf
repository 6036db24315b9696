variable "playbook" {
  description = "Path of the playbook."
  type        = string
}

variable "environment" {
  description = "What the nodes are part of; the playbook sees it as `node_environment`."
  type        = string
}

variable "nodes" {
  description = "The nodes by name: where SSH reaches them, the instance's ID, and its availability zone. The playbook sees the last two as `node_instance` and `node_zone`."
  type = map(object({
    address  = string
    instance = string
    zone     = string
  }))
}

variable "groups" {
  description = "Groups of the inventory that all nodes are in."
  type        = list(string)
  default     = ["nodes"]
}

variable "ssh" {
  description = "Who logs in, with which key, and where the hosts' keys are remembered (null: in the user's own file). A host that was never seen is trusted the first time."
  type = object({
    user             = string
    private_key_file = string
    known_hosts_file = optional(string)
  })
}

variable "wait_for" {
  description = "How many seconds to wait until SSH answers on all nodes."
  type        = number
  default     = 300
}

variable "tags" {
  description = "Tags of the tasks to run; null runs all."
  type        = list(string)
  default     = null
}

variable "extra_vars" {
  description = "Variables for the playbook, which win over its own."
  type        = map(string)
  default     = {}
}

variable "preview" {
  description = "Whether a plan runs the playbook in check mode, and tells what it would do."
  type        = bool
  default     = true
}
