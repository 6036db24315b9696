# What a load balancer for HTTP does with its two ports: HTTPS goes to the front end, HTTP is sent on to HTTPS.

provider "aws" {
  region = "eu-central-1"
}

variable "arns" {
  description = "ARNs of what is there already."
  type = object({
    load_balancer = string
    target_group  = string
    certificate   = string
  })
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = var.arns.load_balancer
  protocol          = "HTTPS"
  port              = 443
  certificate_arn   = var.arns.certificate

  default_action {
    type             = "forward"
    target_group_arn = var.arns.target_group
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = var.arns.load_balancer
  protocol          = "HTTP"
  port              = 80

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}
