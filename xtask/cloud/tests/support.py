"""A cloud on a port, and clients that do not retry."""

from __future__ import annotations

import json
import os
import unittest
import urllib.error
import urllib.request
from functools import cache
from threading import Thread
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# The thousand managed policies of IAM take most of a reset's time, and no trait is about them.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"

from stern.server import serve  # noqa: E402

_SERVER = serve()
Thread(target=_SERVER.serve_forever, daemon=True).start()
URL = f"http://127.0.0.1:{_SERVER.server_port}"


def client(service: str, region: str = "us-east-1", attempts: int = 1) -> Any:
    config = Config(retries={"total_max_attempts": attempts}, read_timeout=20)
    return boto3.client(service, endpoint_url=URL, region_name=region, aws_access_key_id="test",
                        aws_secret_access_key="test", config=config)


@cache
def image() -> str:
    """One of moto's images; asking for them takes seconds, and they are the same after each reset."""
    return client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def stern(method: str, path: str, body: Any = None) -> Any:
    """One request to the control endpoint; JSON, or lines of it, or `{"error": …}`."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/stern/{path}", data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read().decode()
            if answer.headers["Content-Type"] == "application/x-ndjson":
                return [json.loads(line) for line in text.splitlines()]
    except urllib.error.HTTPError as wrong:
        text = wrong.read().decode()
    return json.loads(text)


class CloudTest(unittest.TestCase):
    """Starts each test with an empty cloud and only the trait that `TRAITS` says."""

    TRAITS: dict[str, dict[str, Any]] = {}

    def setUp(self) -> None:
        self.only()
        image()
        stern("POST", "reset")
        self.only(**self.TRAITS)
        self.ec2, self.elb = client("ec2"), client("elbv2")

    def only(self, **traits: dict[str, Any]) -> None:
        """Turns these traits on, and the others off."""
        off = {name: {"on": False} for name in stern("GET", "traits")}
        said = stern("POST", "traits", off | {name: {"on": True, **more} for name, more in traits.items()})
        self.assertNotIn("error", said)

    def refused(self, code: str, call: Any, **params: Any) -> str:
        """That the call fails with this code; the message."""
        with self.assertRaises(ClientError) as caught:
            call(**params)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error["Message"])
        return error["Message"]

    def network(self, subnets: int = 1) -> tuple[str, list[str]]:
        """A VPC with subnets in different zones."""
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        made = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=f"us-east-1{'abc'[n]}")
            for n in range(subnets)
        ]
        return vpc, [m["Subnet"]["SubnetId"] for m in made]

    def run_instance(self, **params: Any) -> str:
        self.key()
        answer = self.ec2.run_instances(ImageId=image(), InstanceType="t3.micro", MinCount=1, MaxCount=1,
                                        KeyName="test", **params)
        return answer["Instances"][0]["InstanceId"]

    def key(self) -> None:
        if not self.ec2.describe_key_pairs()["KeyPairs"]:
            self.ec2.create_key_pair(KeyName="test")

    def state(self, instance: str) -> str:
        [reservation] = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return reservation["Instances"][0]["State"]["Name"]
