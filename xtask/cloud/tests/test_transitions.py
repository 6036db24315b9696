from .support import CloudTest, image


class Transitions(CloudTest):
    TRAITS = {"transitions": {"calls": 2}}

    def test_an_instance_comes_and_goes_slowly(self) -> None:
        self.key()
        answer = self.ec2.run_instances(ImageId=image(), InstanceType="t3.micro", MinCount=1, MaxCount=1,
                                        KeyName="test")["Instances"][0]
        instance = answer["InstanceId"]
        self.assertEqual(answer["State"]["Name"], "pending")
        self.assertEqual([self.state(instance) for _ in range(3)], ["pending", "pending", "running"])
        gone = self.ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"][0]
        self.assertEqual(gone["CurrentState"]["Name"], "shutting-down")
        self.assertEqual([self.state(instance) for _ in range(3)], ["shutting-down", "shutting-down", "terminated"])

    def test_stop_and_start(self) -> None:
        instance = self.run_instance()
        while self.state(instance) != "running":
            pass
        self.assertEqual(self.ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"][0]["CurrentState"]["Name"],
                         "stopping")
        self.assertEqual([self.state(instance) for _ in range(3)], ["stopping", "stopping", "stopped"])
        self.ec2.start_instances(InstanceIds=[instance])
        self.assertEqual([self.state(instance) for _ in range(3)], ["pending", "pending", "running"])

    def test_filters_see_the_state_that_is_shown(self) -> None:
        self.run_instance()

        def with_state(name: str) -> int:
            filters = [{"Name": "instance-state-name", "Values": [name]}]
            return len(self.ec2.describe_instances(Filters=filters)["Reservations"])

        self.assertEqual(with_state("running"), 0)
        self.assertEqual(with_state("pending"), 1)

    def test_looking_at_others_changes_nothing(self) -> None:
        instance = self.run_instance()
        for _ in range(5):
            self.ec2.describe_vpcs()
        self.assertEqual(self.state(instance), "pending")

    def test_a_terminated_instance_lets_go_of_its_interface_and_address(self) -> None:
        _, [subnet] = self.network()
        instance = self.run_instance(SubnetId=subnet)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        while self.state(instance) != "running":
            pass
        self.ec2.associate_address(AllocationId=address, InstanceId=instance)
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.assertIn("AssociationId", self.ec2.describe_addresses(AllocationIds=[address])["Addresses"][0])
        while self.state(instance) != "terminated":
            pass
        self.assertNotIn("AssociationId", self.ec2.describe_addresses(AllocationIds=[address])["Addresses"][0])
        filters = [{"Name": "subnet-id", "Values": [subnet]}]
        self.assertEqual(self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"], [])

    def test_an_interface_that_was_there_before_stays(self) -> None:
        _, [subnet] = self.network()
        own = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        instance = self.run_instance(NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": own}])
        self.ec2.terminate_instances(InstanceIds=[instance])
        while self.state(instance) != "terminated":
            pass
        [left] = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[own])["NetworkInterfaces"]
        self.assertEqual(left["Status"], "available")

    def test_nat_gateways(self) -> None:
        _, [subnet] = self.network()
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]
        self.assertEqual(made["State"], "pending")

        def state() -> str:
            return self.ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"][0]["State"]

        self.assertEqual([state() for _ in range(3)], ["pending", "pending", "available"])
        self.ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
        self.assertEqual([state() for _ in range(3)], ["deleting", "deleting", "deleted"])
        self.assertNotIn("AssociationId", self.ec2.describe_addresses(AllocationIds=[address])["Addresses"][0])

    def test_load_balancers_and_targets(self) -> None:
        vpc, subnets = self.network(2)
        made = self.elb.create_load_balancer(Name="b", Subnets=subnets)["LoadBalancers"][0]
        self.assertEqual(made["State"]["Code"], "provisioning")

        def state() -> str:
            found = self.elb.describe_load_balancers(LoadBalancerArns=[made["LoadBalancerArn"]])
            return found["LoadBalancers"][0]["State"]["Code"]

        self.assertEqual([state() for _ in range(3)], ["provisioning", "provisioning", "active"])
        group = self.elb.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=vpc, TargetType="ip")
        arn = group["TargetGroups"][0]["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.9.0.5"}, {"Id": "10.9.0.6"}])

        def health() -> set[str]:
            found = self.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            self.assertEqual(len(found), 2)
            return {t["TargetHealth"]["State"] for t in found}

        self.assertEqual([health() for _ in range(3)], [{"initial"}, {"initial"}, {"healthy"}])

    def test_a_target_must_run(self) -> None:
        vpc, [subnet] = self.network()
        group = self.elb.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=vpc)["TargetGroups"][0]
        instance = self.run_instance(SubnetId=subnet)
        self.refused("InvalidTarget", self.elb.register_targets, TargetGroupArn=group["TargetGroupArn"],
                     Targets=[{"Id": instance}])

    def test_off_it_is_moto(self) -> None:
        self.only()
        self.assertEqual(self.state(self.run_instance()), "running")
