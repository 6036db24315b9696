# Refuses to go on with credentials of another account than the one that is meant.

provider "aws" {
  region = "eu-central-1"
}

variable "account_id" {
  description = "Number of EasyPay's account, of twelve digits."
  type        = string
}

data "aws_caller_identity" "current" {
  lifecycle {
    postcondition {
      condition     = self.account_id == var.account_id
      error_message = "These are credentials of the account ${self.account_id}: ${self.arn}."
    }
  }
}

output "applied_by" {
  value = data.aws_caller_identity.current.arn
}
