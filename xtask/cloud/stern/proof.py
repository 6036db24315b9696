"""`python -m stern.proof URL`: whether a cloud that was just started answers, and is stern. It leaves it empty."""

from __future__ import annotations

import sys
import urllib.request

import boto3
from botocore.config import Config


def main() -> None:
    url = sys.argv[1]
    ec2 = boto3.client(
        "ec2", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    zones = [z["ZoneName"] for z in ec2.describe_availability_zones()["AvailabilityZones"]]
    if "us-east-1a" not in zones:
        raise SystemExit(f"the zones are {zones}")
    made = [
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, ClientToken="proof")["VolumeId"] for _ in range(2)
    ]
    if made[0] != made[1]:
        raise SystemExit("the same client token made two volumes: the cloud is not stern")
    urllib.request.urlopen(urllib.request.Request(f"{url}/stern/reset", method="POST"), timeout=30).close()


main()
