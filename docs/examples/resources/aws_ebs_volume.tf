# A disk for EasyPay's database, encrypted, and kept safe from a destroy by mistake.

provider "aws" {
  region = "eu-central-1"
}

resource "aws_ebs_volume" "database" {
  availability_zone = "eu-central-1a"
  type              = "gp3"
  size              = 100
  iops              = 6000
  throughput        = 250
  encrypted         = true

  tags = { Name = "easypay-database" }

  lifecycle {
    prevent_destroy = true
  }
}
