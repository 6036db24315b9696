# What this module was written for, and where its state is kept.
terraform {
  required_version = ">= 1.5, < 2.0"

  required_providers {
    random = {
      source  = "hashicorp/random"
      version = ">= 3.6"
    }
  }

  backend "local" {
    path = "production.tfstate"
  }
}

resource "random_pet" "cluster" {}
