"""A test for each trait of the stern cloud, through boto3, over HTTP."""
