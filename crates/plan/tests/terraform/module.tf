variable "v" {
}

resource "terraform_data" "inner" {
  lifecycle {
    postcondition {
      condition     = self.id != ""
      error_message = "empty"
    }
  }
}
