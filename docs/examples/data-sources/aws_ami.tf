# The newest image of Amazon Linux 2023 for machines of the usual kind. Only Amazon's own images count: anybody can give
# an image such a name.

provider "aws" {
  region = "eu-central-1"
}

data "aws_ami" "node" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2023.*-x86_64"]
  }

  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

output "image" {
  value = "${data.aws_ami.node.id} (${data.aws_ami.node.name})"
}
