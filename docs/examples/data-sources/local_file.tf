# Reads which release was announced. The file is made by the same configuration, so the data source says that it comes
# after it: the plan leaves the reading to the apply.

resource "local_file" "release" {
  filename = "${path.module}/release.json"
  content  = jsonencode({ release = "2025.3", date = "2025-07-01" })
}

data "local_file" "release" {
  filename   = local_file.release.filename
  depends_on = [local_file.release]
}

output "release" {
  value = jsondecode(data.local_file.release.content).release
}
