# A balancer for HTTP and one for connections.

variable "name" {
  type = string
}

variable "careless" {
  description = "Whether the violations are in this one."
  type        = bool
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "Balancer of ${var.name}"
  vpc_id      = var.vpc_id

  ingress {
    description = "HTTPS"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# The careless one can be reached from everywhere without a firewall, keeps header fields that are no such, lets
# dangerous requests through, and can be deleted by mistake.
resource "aws_lb" "http" {
  name                       = var.name
  internal                   = !var.careless
  security_groups            = [aws_security_group.this.id]
  subnets                    = var.subnet_ids
  drop_invalid_header_fields = !var.careless
  desync_mitigation_mode     = var.careless ? "monitor" : "strictest"
  enable_deletion_protection = !var.careless
}

resource "aws_lb" "tcp" {
  name                             = "${var.name}-tcp"
  load_balancer_type               = "network"
  internal                         = true
  subnets                          = var.subnet_ids
  enable_deletion_protection       = true
  enable_cross_zone_load_balancing = !var.careless
}

resource "aws_lb_target_group" "http" {
  name     = var.name
  vpc_id   = var.vpc_id
  protocol = var.careless ? "HTTP" : "HTTPS"
  port     = 8080

  dynamic "health_check" {
    for_each = var.careless ? [] : [1]
    content {
      protocol = "HTTPS"
      path     = "/healthz"
    }
  }
}

# The careless one speaks old versions of TLS.
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.http.arn
  protocol          = "HTTPS"
  port              = 443
  certificate_arn   = "arn:aws:acm:eu-central-1:123456789012:certificate/shop"
  ssl_policy        = var.careless ? "ELBSecurityPolicy-2016-08" : "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.http.arn
  }
}

# The careless one answers in the clear.
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.http.arn
  protocol          = "HTTP"
  port              = 80

  default_action {
    type             = var.careless ? "forward" : "redirect"
    target_group_arn = var.careless ? aws_lb_target_group.http.arn : null

    dynamic "redirect" {
      for_each = var.careless ? [] : [1]
      content {
        protocol    = "HTTPS"
        port        = "443"
        status_code = "HTTP_301"
      }
    }
  }
}
