from .support import CloudTest, client


class Throttle(CloudTest):
    TRAITS = {"throttle": {"rate": 0.001, "burst": 3}}

    def tearDown(self) -> None:
        self.only(throttle={"rate": 20, "burst": 100})

    def test_past_the_burst_calls_are_refused(self) -> None:
        for _ in range(3):
            self.ec2.describe_vpcs()
        self.refused("RequestLimitExceeded", self.ec2.describe_vpcs)

    def test_a_refused_call_has_no_effect(self) -> None:
        for _ in range(3):
            self.ec2.describe_vpcs()
        self.refused("RequestLimitExceeded", self.ec2.create_vpc, CidrBlock="10.9.0.0/16")
        self.only()
        self.assertEqual(len(self.ec2.describe_vpcs()["Vpcs"]), 1)

    def test_services_have_rates_of_their_own(self) -> None:
        for _ in range(3):
            self.ec2.describe_vpcs()
        for _ in range(3):
            self.elb.describe_load_balancers()
        self.refused("ThrottlingException", self.elb.describe_load_balancers)
        ssm = client("ssm")
        for _ in range(3):
            ssm.describe_parameters()
        self.refused("ThrottlingException", ssm.describe_parameters)

    def test_the_bucket_fills_again(self) -> None:
        self.only(throttle={"rate": 1000, "burst": 1})
        for _ in range(5):
            self.ec2.describe_vpcs()

    def test_the_sdk_gets_over_it(self) -> None:
        self.only(throttle={"rate": 5, "burst": 1})
        patient = client("ec2", attempts=5)
        for _ in range(4):
            patient.describe_vpcs()

    def test_off_there_is_no_limit(self) -> None:
        self.only()
        for _ in range(10):
            self.ec2.describe_vpcs()
