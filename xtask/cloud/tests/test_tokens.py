from .support import CloudTest, client


class Tokens(CloudTest):
    TRAITS = {"tokens": {}}

    def test_an_instance_is_made_once(self) -> None:
        first = self.run_instance(ClientToken="a")
        self.assertEqual(self.run_instance(ClientToken="a"), first)
        self.assertNotEqual(self.run_instance(ClientToken="b"), first)
        self.assertEqual(len(self.ec2.describe_instances()["Reservations"]), 2)

    def test_a_volume_is_made_once(self) -> None:
        made = [self.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, ClientToken="v") for _ in range(2)]
        self.assertEqual(made[0]["VolumeId"], made[1]["VolumeId"])

    def test_a_nat_gateway_is_made_once(self) -> None:
        _, [subnet] = self.network()
        made = [
            self.ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private", ClientToken="n")
            for _ in range(2)
        ]
        self.assertEqual(made[0]["NatGateway"]["NatGatewayId"], made[1]["NatGateway"]["NatGatewayId"])

    def test_other_parameters_are_refused(self) -> None:
        self.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, ClientToken="v")
        self.refused("IdempotentParameterMismatch", self.ec2.create_volume, AvailabilityZone="us-east-1a", Size=2,
                     ClientToken="v")

    def test_what_failed_is_not_remembered(self) -> None:
        wrong = {"ImageId": "ami-00000000", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        self.key()
        for _ in range(2):
            self.refused("InvalidAMIID.NotFound", self.ec2.run_instances, KeyName="test", ClientToken="x", **wrong)
        self.run_instance(ClientToken="x")

    def test_off_it_makes_two(self) -> None:
        self.only()
        self.assertNotEqual(self.run_instance(ClientToken="a"), self.run_instance(ClientToken="a"))

    def test_regions_are_apart(self) -> None:
        first = self.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, ClientToken="r")["VolumeId"]
        west = client("ec2", region="us-west-2")
        self.assertNotEqual(west.create_volume(AvailabilityZone="us-west-2a", Size=1, ClientToken="r")["VolumeId"], first)
