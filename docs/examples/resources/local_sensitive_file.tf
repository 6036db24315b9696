# The client settings of EasyPay's database, with the password in it: no plan shows the content, and only the owner may
# read the file.

resource "random_password" "database" {
  length  = 32
  special = false
}

resource "local_sensitive_file" "database" {
  filename        = "${path.module}/out/database.cnf"
  file_permission = "0600"

  content = <<-EOT
    [client]
    host            = database.easypay.svc
    user            = easypay
    password        = ${random_password.database.result}
    connect_timeout = 5
  EOT
}
