resource "local_file" "motd" {
  filename = "${path.root}/motd"
  content  = "Welcome.\n"
}

# Read when the file is there: after it was made, in the first apply, and while planning from then on.
data "local_file" "motd" {
  filename   = local_file.motd.filename
  depends_on = [local_file.motd]

  lifecycle {
    postcondition {
      condition     = self.content != ""
      error_message = "There is nothing in ${self.filename}."
    }
  }
}

# Values that are worked out again in each run.
data "null_data_source" "regions" {
  for_each = toset(["eu", "us"])
  provider = null

  inputs = { endpoint = "https://${each.key}.example.com" }

  lifecycle {
    precondition {
      condition     = length(each.key) == 2
      error_message = "Regions have two letters."
    }
  }
}

data "null_data_source" "spare" {
  count  = 0
  inputs = {}
}

# There is one only if it is enabled.
data "null_data_source" "laboratory" {
  inputs = {}

  lifecycle {
    enabled = false
  }
}

output "endpoints" {
  value = [for region in data.null_data_source.regions : region.outputs.endpoint]
}
