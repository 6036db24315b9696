# One subnet in each of two zones: if a zone fails, the other goes on. The addresses are cut out of the network's.

provider "aws" {
  region = "eu-central-1"
}

resource "aws_vpc" "this" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_subnet" "public" {
  for_each = { eu-central-1a = 1, eu-central-1b = 2 }

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(aws_vpc.this.cidr_block, 8, each.value)
  map_public_ip_on_launch = true

  tags = { Name = "easypay-public-${each.key}" }
}

output "subnet_ids" {
  value = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}
