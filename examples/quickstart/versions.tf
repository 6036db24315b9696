terraform {
  # The version of the language. Formwork is compatible with Terraform 1.11.4 and compares with that.
  required_version = ">= 1.5"

  # The sources are HashiCorp's; Formwork serves them with providers that are part of the program. The version
  # constraints are for Terraform: to Formwork they select nothing, since there is one version of each.
  required_providers {
    local = {
      source  = "hashicorp/local"
      version = "~> 2.5"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.12"
    }
    tls = {
      source  = "hashicorp/tls"
      version = "~> 4.0"
    }
  }
}
