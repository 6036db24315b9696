# The region that the provider works in, for names that have it in them and for people who read the outputs.

provider "aws" {}

data "aws_region" "current" {}

output "installation" {
  value = "easypay-${data.aws_region.current.name}"
}

output "place" {
  description = "Such as Europe (Frankfurt)."
  value       = data.aws_region.current.description
}
