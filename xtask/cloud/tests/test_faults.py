import time

from botocore.exceptions import ConnectionClosedError

from .support import CloudTest, stern


class Faults(CloudTest):
    TRAITS = {"faults": {}, "tokens": {}}

    def vpcs(self) -> int:
        return len(self.ec2.describe_vpcs()["Vpcs"])

    def make(self) -> None:
        self.ec2.create_vpc(CidrBlock="10.9.0.0/16")

    def test_before_the_effect(self) -> None:
        stern("POST", "faults", {"kind": "before", "action": "CreateVpc"})
        self.refused("InternalError", self.make)
        self.assertEqual(self.vpcs(), 1)
        self.make()

    def test_after_the_effect(self) -> None:
        stern("POST", "faults", {"kind": "after", "action": "CreateVpc"})
        self.refused("InternalError", self.make)
        self.assertEqual(self.vpcs(), 2)

    def test_the_connection_is_cut_after_the_effect(self) -> None:
        stern("POST", "faults", {"kind": "cut", "action": "CreateVpc"})
        with self.assertRaises(ConnectionClosedError):
            self.make()
        self.assertEqual(self.vpcs(), 2)
        self.make()

    def test_a_repeated_call_with_its_token_finds_what_was_made(self) -> None:
        stern("POST", "faults", {"kind": "cut", "action": "CreateVolume"})
        volume = {"AvailabilityZone": "us-east-1a", "Size": 1, "ClientToken": "t"}
        with self.assertRaises(ConnectionClosedError):
            self.ec2.create_volume(**volume)
        self.ec2.create_volume(**volume)
        self.assertEqual(len(self.ec2.describe_volumes()["Volumes"]), 1)

    def test_latency(self) -> None:
        stern("POST", "faults", {"kind": "delay", "action": "DescribeVpcs", "seconds": 0.5})
        begun = time.monotonic()
        self.vpcs()
        self.assertGreaterEqual(time.monotonic() - begun, 0.5)
        self.assertEqual(stern("GET", "faults"), [])

    def test_skip_times_and_service(self) -> None:
        stern("POST", "faults", {"kind": "before", "service": "ec2", "skip": 1, "times": 2})
        self.elb.describe_load_balancers()
        self.vpcs()
        self.refused("InternalError", self.vpcs)
        self.refused("InternalError", self.vpcs)
        self.vpcs()
        self.assertEqual(stern("GET", "faults"), [])

    def test_they_can_be_taken_back(self) -> None:
        stern("POST", "faults", {"kind": "before"})
        self.assertEqual(len(stern("GET", "faults")), 1)
        stern("DELETE", "faults")
        self.vpcs()

    def test_off_nothing_fails(self) -> None:
        self.only()
        stern("POST", "faults", {"kind": "before"})
        self.vpcs()

    def test_what_makes_no_sense_is_refused(self) -> None:
        for wrong in ({"kind": "moon"}, {"kind": "cut", "times": -1}, {"kind": "cut", "often": 1}, {}):
            self.assertIn("error", stern("POST", "faults", wrong), wrong)
