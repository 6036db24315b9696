# Plans offline: nothing is asked of AWS before there is something to apply.
provider "aws" {
  region     = "eu-central-1"
  access_key = "example"
  secret_key = "example"
}
