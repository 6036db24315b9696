# Uses what the configuration of the network gives out. That one is applied by somebody else, and keeps its state in a
# file; so that this example stands alone, it writes such a file itself, and the data source says that it comes after it.

resource "local_file" "network" {
  filename = "${path.module}/network.tfstate"
  content = jsonencode({
    version           = 4
    terraform_version = "1.11.4"
    serial            = 7
    lineage           = "5c2d1b7e-52f2-4a0c-9a10-0f6d2b5f2f0e"
    outputs           = { subnets = { value = ["10.0.1.0/24", "10.0.2.0/24"], type = ["list", "string"] } }
    resources         = []
  })
}

data "terraform_remote_state" "network" {
  backend    = "local"
  config     = { path = local_file.network.filename }
  defaults   = { zone = "internal.example.com" }
  workspace  = terraform.workspace
  depends_on = [local_file.network]
}

output "first_subnet" {
  value = data.terraform_remote_state.network.outputs.subnets[0]
}

output "zone" {
  value = data.terraform_remote_state.network.outputs.zone
}
