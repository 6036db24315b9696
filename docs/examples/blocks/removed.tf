# The block has gone; the object stays as it is, and is no longer managed.
removed {
  from = local_file.minutes

  lifecycle {
    destroy = false
  }
}

# This one goes, and somebody is told before.
removed {
  from = terraform_data.trial

  lifecycle {
    destroy = true
  }

  provisioner "local-exec" {
    when       = destroy
    on_failure = continue
    command    = "echo the trial is over: ${self.id} >> trial.log"
  }
}
