# What this module was written for, where its state is kept, and with which key.
terraform {
  required_version = ">= 1.5, < 2.0"
  language         = TF2021

  required_providers {
    random = {
      source  = "hashicorp/random"
      version = ">= 3.6"
    }
  }

  backend "local" {
    path = "production.tfstate"
  }

  encryption {
    key_provider "pbkdf2" "team" {
      passphrase = var.passphrase
    }

    method "unencrypted" "before" {}

    method "aes_gcm" "team" {
      keys = key_provider.pbkdf2.team
    }

    state {
      method = method.aes_gcm.team

      # The state was in clear until now.
      fallback {
        method = method.unencrypted.before
      }
    }

    plan {
      method   = method.aes_gcm.team
      enforced = true
    }

    remote_state_data_sources {
      default {
        method = method.aes_gcm.team
      }

      remote_state_data_source "network" {
        method = method.unencrypted.before
      }
    }
  }
}

variable "passphrase" {
  type      = string
  default   = "in real life, from TF_VAR_passphrase"
  ephemeral = true
}

resource "random_pet" "cluster" {}
