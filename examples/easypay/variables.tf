# What to change for a first try.

variable "announcement" {
  description = "Line that the front end shows. Edit it, and plan again."
  type        = string
  default     = "Wallets are open for deposits. (demo: this line changes)"

  # It becomes part of a configuration file of nginx.
  validation {
    condition     = length(regexall("[\"\\\\$\\n]", var.announcement)) == 0
    error_message = "The announcement is one line without \", \\ or $."
  }
}

variable "name" {
  description = "Name of this installation, at most 32 letters, digits and dashes; what AWS keeps is called after it."
  type        = string
  default     = "easypay"
}

variable "out" {
  description = "Folder for what is written here: the pod user's kubeconfig, and the snapshot."
  type        = string
  default     = "./out"
}

# AWS.

variable "region" {
  description = "AWS region."
  type        = string
  default     = "us-east-1"
}

variable "aws_endpoint" {
  description = "URL of an emulator; null for AWS itself."
  type        = string
  default     = null
}

variable "vpc_cidr_block" {
  description = "IPv4 network of the VPC."
  type        = string
  default     = "10.20.0.0/16"
}

variable "subnets" {
  description = "Subnets by a short name; each is in an availability zone of its own, in the order of the names."
  type        = map(string)
  default = {
    a = "10.20.1.0/24"
    b = "10.20.2.0/24"
  }
}

variable "nodes" {
  description = "The nodes by name: in which subnet, and with which private address of it."
  type = map(object({
    subnet     = string
    private_ip = string
  }))
  default = {
    node-1 = { subnet = "a", private_ip = "10.20.1.11" }
    node-2 = { subnet = "b", private_ip = "10.20.2.11" }
    node-3 = { subnet = "a", private_ip = "10.20.1.12" }
  }

  validation {
    condition     = alltrue([for node in var.nodes : contains(keys(var.subnets), node.subnet)])
    error_message = "A node is in a subnet that var.subnets does not have."
  }
}

variable "instance_type" {
  description = "Type of the nodes' instances."
  type        = string
  default     = "t3.medium"
}

variable "image_name" {
  description = "Pattern for the name of Amazon's image that new nodes start from; the newest that fits is taken."
  type        = string
  default     = "al2023-ami-2023.*-x86_64"
}

variable "admin_cidr_blocks" {
  description = "IPv4 networks from which SSH and the Kubernetes API of the nodes may be reached. None by default: the nodes are then reached from among themselves only."
  type        = set(string)
  default     = []
}

# SSH and Ansible.

variable "ssh_user" {
  description = "User who may log in to the nodes, and may use sudo."
  type        = string
  default     = "ec2-user"
}

variable "ssh_private_key_file" {
  description = "Path of the private key to log in with. Its public half is expected beside it, with .pub at the end, unless ssh_public_key is set."
  type        = string
}

variable "ssh_public_key" {
  description = "The public half of the key, as in authorized_keys."
  type        = string
  default     = null
}

variable "ssh_known_hosts_file" {
  description = "File that the nodes' host keys are remembered in; null for the user's own."
  type        = string
  default     = null
}

variable "ssh_over" {
  description = "Which of a node's addresses Ansible connects to: \"private\" from inside the network or through a VPN, \"elastic\" from outside (admin_cidr_blocks must let it)."
  type        = string
  default     = "private"

  validation {
    condition     = contains(["private", "elastic"], var.ssh_over)
    error_message = "It is \"private\" or \"elastic\"."
  }
}

variable "ssh_wait_seconds" {
  description = "How many seconds to wait for a new node until SSH answers."
  type        = number
  default     = 300
}

variable "ansible_playbook_binary" {
  description = "The ansible-playbook program; null for the one on the PATH."
  type        = string
  default     = null
}

variable "ansible_tags" {
  description = "Roles to run on the nodes, of base, docker and kubernetes; null for all."
  type        = list(string)
  default     = null
}

# Kubernetes.

variable "kubeconfig" {
  description = "Path of the kubeconfig of a cluster administrator."
  type        = string
  default     = "~/.kube/config"
}

variable "kubeconfig_context" {
  description = "Context in that file; null for its current one."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Namespace for the application. It is made here."
  type        = string
  default     = "easypay"
}

variable "node_port" {
  description = "Port of every node that leads to the front end."
  type        = number
  default     = 30080
}

variable "frontend" {
  description = "The front end: its image and the number of the user that it runs as, and between how many pods there are. The default image is a stand-in for EasyPay's own."
  type = object({
    image        = optional(string, "docker.io/nginxinc/nginx-unprivileged:1.27.3-alpine")
    user_id      = optional(number, 101)
    min_replicas = optional(number, 2)
    max_replicas = optional(number, 10)
  })
  default = {}
}

variable "database_storage_class" {
  description = "Storage class of the database's volume; null for the cluster's default."
  type        = string
  default     = null
}

variable "pod_user" {
  description = "Name of the user who may work with the application's pods."
  type        = string
  default     = "easypay-operator"
}

# etcd.

variable "etcd" {
  description = "URLs of the cluster's etcd, and paths of the authority's certificate, a client's certificate and its key; those only for https."
  type = object({
    endpoints   = list(string)
    cacert_file = optional(string)
    cert_file   = optional(string)
    key_file    = optional(string)
  })
}
