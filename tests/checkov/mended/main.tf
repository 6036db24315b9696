# The same as `../planted` without what is planted there: nothing may be found.

# Keys come from the environment. Nothing listens at the endpoint: a plan of new objects calls nobody.
provider "aws" {
  region                     = "eu-central-1"
  skip_metadata_api_check    = true
  skip_requesting_account_id = true

  endpoints {
    ec2   = "http://127.0.0.1:9"
    elbv2 = "http://127.0.0.1:9"
    sts   = "http://127.0.0.1:9"
  }
}

resource "aws_vpc" "main" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_subnet" "this" {
  for_each = { "eu-central-1a" = 1, "eu-central-1b" = 2, "eu-central-1c" = 3 }

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, each.value)
  map_public_ip_on_launch = false
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table" "main" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}

resource "aws_route_table_association" "this" {
  for_each = aws_subnet.this

  subnet_id      = each.value.id
  route_table_id = aws_route_table.main.id
}

resource "aws_security_group" "bastion" {
  name        = "bastion"
  description = "Where administrators come in"
  vpc_id      = aws_vpc.main.id

  ingress {
    description = "SSH, and what is next to it"
    protocol    = "tcp"
    from_port   = 20
    to_port     = 25
    cidr_blocks = ["10.0.0.0/8"]
  }

  egress {
    description = "SSH"
    protocol    = "tcp"
    from_port   = 22
    to_port     = 22
    cidr_blocks = ["10.20.0.0/16"]
  }
}

resource "aws_instance" "bastion" {
  ami                         = "ami-0123456789abcdef0"
  instance_type               = "t3.micro"
  subnet_id                   = aws_subnet.this["eu-central-1a"].id
  vpc_security_group_ids      = [aws_security_group.bastion.id]
  iam_instance_profile        = "bastion"
  monitoring                  = true
  ebs_optimized               = true
  associate_public_ip_address = false

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    encrypted = true
  }
}

module "fleet" {
  source   = "./fleet"
  for_each = { web = 2, "batch.jobs[1]" = 1 }

  name       = each.key
  size       = each.value
  vpc_id     = aws_vpc.main.id
  subnet_ids = [for subnet in aws_subnet.this : subnet.id]
}

module "site" {
  source = "./site"
  count  = 2

  name       = "site-${count.index}"
  vpc_id     = aws_vpc.main.id
  subnet_ids = [for subnet in aws_subnet.this : subnet.id]
}
