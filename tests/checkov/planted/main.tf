# Each comment below says what is planted; `planted.txt` lists what must be found, and nothing else may be.

# Keys in the configuration, those of Amazon's documentation. Nothing listens at the endpoint: a plan of new objects
# calls nobody.
provider "aws" {
  region                     = "eu-central-1"
  access_key                 = "AKIAIOSFODNN7EXAMPLE"
  secret_key                 = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
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

# One of the three gives public addresses to whatever starts in it.
resource "aws_subnet" "this" {
  for_each = { "eu-central-1a" = 1, "eu-central-1b" = 2, "eu-central-1c" = 3 }

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, each.value)
  map_public_ip_on_launch = each.value == 2
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

# Nothing uses it, all of the world may log in, and it may talk to all of the world. What the blocks leave out must be
# empty in the plan, not null: Checkov takes a rule with nulls for harmless.
resource "aws_security_group" "bastion" {
  name        = "bastion"
  description = "Where administrators come in"
  vpc_id      = aws_vpc.main.id

  ingress {
    description = "SSH, and what is next to it"
    protocol    = "tcp"
    from_port   = 20
    to_port     = 25
    cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"]
  }

  egress {
    description = "Anywhere"
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
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
