from .support import CloudTest, stern


class Log(CloudTest):
    TRAITS = {"faults": {}, "dependencies": {}}

    def test_calls_are_counted(self) -> None:
        self.network(2)
        self.assertEqual([e["action"] for e in stern("GET", "log")], ["CreateVpc", "CreateSubnet", "CreateSubnet"])

    def test_an_entry_says_what_happened(self) -> None:
        vpc, _ = self.network()
        self.refused("DependencyViolation", self.ec2.delete_vpc, VpcId=vpc)
        entry = stern("GET", "log")[-1]
        self.assertEqual(
            (entry["service"], entry["region"], entry["params"], entry["status"], entry["code"], entry["by"]),
            ("ec2", "us-east-1", {"VpcId": vpc}, 400, "DependencyViolation", "dependencies"),
        )
        self.assertFalse(entry["effect"])

    def test_an_effect_without_an_answer_shows(self) -> None:
        stern("POST", "faults", {"kind": "after", "action": "CreateVpc"})
        self.refused("InternalError", self.ec2.create_vpc, CidrBlock="10.9.0.0/16")
        entry = stern("GET", "log")[-1]
        self.assertEqual((entry["status"], entry["by"], entry["effect"]), (500, "faults", True))

    def test_no_secrets(self) -> None:
        self.run_instance(UserData="canary-in-user-data")
        text = str(stern("GET", "log"))
        self.assertNotIn("canary", text)
        self.assertNotIn("Y2FuYXJ5", text)

    def test_reading_on_and_clearing(self) -> None:
        self.ec2.describe_vpcs()
        last = stern("GET", "log")[-1]["n"]
        self.ec2.describe_subnets()
        self.assertEqual([e["action"] for e in stern("GET", f"log?since={last}")], ["DescribeSubnets"])
        stern("DELETE", "log")
        self.assertEqual(stern("GET", "log"), [])
        self.ec2.describe_vpcs()
        self.assertEqual([e["n"] for e in stern("GET", "log")], [last + 2])
