# A network load balancer with an address of its own in each subnet: clients, partners' firewalls and DNS records can
# rely on those addresses, whatever happens behind them.

resource "aws_eip" "this" {
  for_each = var.subnet_ids

  domain = "vpc"

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_lb" "this" {
  name               = var.name
  load_balancer_type = "network"
  internal           = false

  # Each zone's address serves the targets of all zones: a zone without a healthy target is no hole.
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection

  dynamic "subnet_mapping" {
    for_each = var.subnet_ids
    content {
      subnet_id     = subnet_mapping.value
      allocation_id = aws_eip.this[subnet_mapping.key].id
    }
  }

  tags = { Name = var.name }
}

resource "aws_lb_target_group" "this" {
  name        = var.name
  vpc_id      = var.vpc_id
  target_type = "instance"
  protocol    = "TCP"
  port        = var.target_port

  # Connections under way may end before a node goes.
  deregistration_delay = var.deregistration_delay

  health_check {
    protocol            = "HTTP"
    path                = var.health_path
    port                = "traffic-port"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  tags = { Name = var.name }
}

resource "aws_lb_target_group_attachment" "this" {
  for_each = var.targets

  target_group_arn = aws_lb_target_group.this.arn
  target_id        = each.value
  port             = var.target_port
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "TCP"
  port              = var.port

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  # A group that is in use cannot go: where it is replaced, because of its port, the listener goes before it and comes
  # after it.
  lifecycle {
    replace_triggered_by = [aws_lb_target_group.this.arn]
  }
}
