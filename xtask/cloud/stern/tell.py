"""`python -m stern.tell URL REGION NAME`: what the cloud itself says about instances, addresses and balancers whose VPC,
or whose own tag `Name`, has that name; through the API, by another client than Formwork's."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import boto3
from botocore.config import Config


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints one, with columns as wide as they must be."""
    lines = [[str(cell or "-") for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(heads), *lines]) for i in range(len(heads))]
    print(f"{title} ({len(lines)})")
    for line in [list(heads), *lines]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def name(thing: dict[str, Any]) -> str:
    return next((t["Value"] for t in thing.get("Tags", []) if t["Key"] == "Name"), "")


def main() -> None:
    url, region, wanted = sys.argv[1:4]

    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=url, region_name=region, aws_access_key_id="test",
                            aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 8}))

    ec2, elb = client("ec2"), client("elbv2")
    vpcs = {v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if wanted in name(v)}
    instances = [
        i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]
        if i["State"]["Name"] != "terminated" and i.get("VpcId") in vpcs
    ]
    table("instances", ("id", "name", "zone", "private", "public", "state"), (
        (i["InstanceId"], name(i), i["Placement"]["AvailabilityZone"], i.get("PrivateIpAddress"),
         i.get("PublicIpAddress"), i["State"]["Name"]) for i in instances
    ))
    table("Elastic IPs", ("allocation", "name", "address", "instance"), (
        (a["AllocationId"], name(a), a["PublicIp"], a.get("InstanceId")) for a in ec2.describe_addresses()["Addresses"]
        if wanted in name(a)
    ))
    balancers = [b for b in elb.describe_load_balancers()["LoadBalancers"] if b["VpcId"] in vpcs]
    table("load balancers", ("name", "type", "zones", "addresses", "state"), (
        (b["LoadBalancerName"], b["Type"], " ".join(z["ZoneName"] for z in b["AvailabilityZones"]),
         " ".join(a["IpAddress"] for z in b["AvailabilityZones"] for a in z.get("LoadBalancerAddresses", [])),
         b["State"]["Code"]) for b in balancers
    ))
    groups = [g for g in elb.describe_target_groups()["TargetGroups"] if g.get("VpcId") in vpcs]
    table("targets", ("group", "target", "port", "health"), (
        (g["TargetGroupName"], t["Target"]["Id"], t["Target"].get("Port"), t["TargetHealth"]["State"]) for g in groups
        for t in elb.describe_target_health(TargetGroupArn=g["TargetGroupArn"])["TargetHealthDescriptions"]
    ))


main()
