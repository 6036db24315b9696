variable "name" {
  description = "Name of the user; the certificate's common name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$", var.name)) && !startswith(var.name, "system")
    error_message = "A user's name has lower-case letters, digits, dots and dashes, at most 64 of them. Names with \"system\" in front are the cluster's own."
  }
}

variable "namespace" {
  description = "Namespace in which the user may work with pods."
  type        = string
}

variable "cluster" {
  description = "How the cluster is reached: URL of its API server, and its certificate authority in PEM."
  type = object({
    server                = string
    certificate_authority = string
  })
}

variable "kubeconfig_path" {
  description = "File that the user's kubeconfig is written to, for its owner only. It has the private key in it."
  type        = string
}
