# Configurations of one provider: the plain one, one with a name, and one for each of several places.
provider "random" {}

provider "random" {
  alias = "spare"
}

resource "random_pet" "cluster" {}

resource "random_pet" "standby" {
  provider = random.spare
}

provider "random" {
  alias    = "by_place"
  for_each = toset(["east", "west"])
}

resource "random_pet" "node" {
  for_each = toset(["east", "west"])
  provider = random.by_place[each.key]
  prefix   = each.key
}
