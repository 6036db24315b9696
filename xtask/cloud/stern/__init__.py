"""The stern cloud: moto, made as strict as AWS is, one trait at a time."""
