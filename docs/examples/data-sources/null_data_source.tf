# Is there for configurations that have it already: it gives its inputs back, known once they are known. New ones use
# local values, or terraform_data.

resource "random_id" "cluster" {
  byte_length = 4
}

data "null_data_source" "names" {
  inputs = {
    cluster  = "easypay-${random_id.cluster.hex}"
    database = "easypay-${random_id.cluster.hex}-database"
  }
}

output "database_name" {
  value = data.null_data_source.names.outputs["database"]
}
