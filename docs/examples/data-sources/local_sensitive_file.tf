# Reads the password that another step left in a file. Whatever is made of the content is sensitive as well.

resource "random_password" "database" {
  length  = 32
  special = false
}

resource "local_sensitive_file" "password" {
  filename        = "${path.module}/database.password"
  file_permission = "0600"
  content         = random_password.database.result
}

data "local_sensitive_file" "password" {
  filename   = local_sensitive_file.password.filename
  depends_on = [local_sensitive_file.password]
}

output "connection" {
  value     = "mysql://easypay:${data.local_sensitive_file.password.content}@database.easypay.svc:3306/easypay"
  sensitive = true
}
