# AWS in Frankfurt, with tags on everything, and a second region for what must be elsewhere. Credentials are not in the
# configuration: they come from the environment, a profile or the machine's role.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = { Project = "easypay", Environment = "production" }
  }
}

provider "aws" {
  alias  = "ireland"
  region = "eu-west-1"

  assume_role {
    role_arn     = "arn:aws:iam::${var.account_id}:role/easypay-standby"
    session_name = "formwork"
  }
}

variable "account_id" {
  description = "Number of EasyPay's account, of twelve digits."
  type        = string
}

resource "aws_vpc" "this" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_vpc" "standby" {
  provider = aws.ireland

  cidr_block = "10.30.0.0/16"
}
