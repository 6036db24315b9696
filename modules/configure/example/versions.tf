terraform {
  required_providers {
    ansible = {
      source = "ansible/ansible"
    }
  }
}
