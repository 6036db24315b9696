# Two configurations of one provider: the plain one, and one with a name.
provider "random" {}

provider "random" {
  alias = "spare"
}

resource "random_pet" "cluster" {}

resource "random_pet" "standby" {
  provider = random.spare
}
