# One machine that does not exist: the plan says that SSH does not answer.
module "configure" {
  source = "../"

  playbook    = "${path.module}/playbook.yml"
  environment = "example"

  nodes = {
    one = { address = "127.0.0.1", instance = "i-0a1b2c3d4e5f60718", zone = "eu-central-1a" }
  }

  ssh = {
    user             = "admin"
    private_key_file = "~/.ssh/id_ed25519"
  }

  preview = false
}
