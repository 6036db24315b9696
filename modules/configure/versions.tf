terraform {
  required_version = ">= 1.5"

  required_providers {
    ansible = {
      source = "ansible/ansible"
    }
  }
}
