# It was called web, without a number: nothing is made anew.
moved {
  from = random_pet.web
  to   = random_pet.node[0]
}

resource "random_pet" "node" {
  count = 2
}
