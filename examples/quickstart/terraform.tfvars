# Read automatically, as Terraform does. A value given with -var or -var-file wins over it.

release = "2026.11"

database = {
  host = "db.easypay.example"
}

services = {
  frontend = {
    port     = 8080
    replicas = 3
    public   = true
    settings = {
      THEME = "light"
    }
  }

  wallet = {
    port     = 8081
    replicas = 2
    settings = {
      CURRENCY    = "EUR"
      DAILY_LIMIT = "2500"
    }
  }

  ledger = {
    port = 8082
  }
}
