from .support import CloudTest


class Network(CloudTest):
    TRAITS = {"network": {}, "dependencies": {}}

    def make(self) -> tuple[dict, list[str], list[str]]:
        _, subnets = self.network(2)
        held = [self.ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in subnets]
        mappings = [{"SubnetId": s, "AllocationId": a} for s, a in zip(subnets, held)]
        made = self.elb.create_load_balancer(Name="n", Type="network", SubnetMappings=mappings,
                                             Tags=[{"Key": "k", "Value": "v"}])
        return made["LoadBalancers"][0], subnets, held

    def test_its_arn_says_net(self) -> None:
        made, _, _ = self.make()
        arn = made["LoadBalancerArn"]
        self.assertIn(":loadbalancer/net/n/", arn)
        [found] = self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        self.assertEqual((found["Type"], found["LoadBalancerArn"]), ("network", arn))
        tags = self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
        self.assertEqual(tags, [{"Key": "k", "Value": "v"}])
        [default] = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        group = self.elb.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=default["VpcId"])
        listener = self.elb.create_listener(
            LoadBalancerArn=arn, Protocol="TCP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}],
        )["Listeners"][0]["ListenerArn"]
        self.assertIn(":listener/net/n/", listener)

    def test_its_addresses_are_kept_and_associated(self) -> None:
        made, subnets, held = self.make()
        for balancer in (made, self.elb.describe_load_balancers()["LoadBalancers"][0]):
            shown = {z["SubnetId"]: z["LoadBalancerAddresses"][0]["AllocationId"] for z in balancer["AvailabilityZones"]}
            self.assertEqual(shown, dict(zip(subnets, held)))
        for address in self.ec2.describe_addresses(AllocationIds=held)["Addresses"]:
            self.assertIn("AssociationId", address)
            self.assertIn("NetworkInterfaceId", address)
        self.refused("InvalidIPAddress.InUse", self.ec2.release_address, AllocationId=held[0])

    def test_they_are_free_again_when_it_goes(self) -> None:
        made, subnets, held = self.make()
        self.elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
        for allocation, subnet in zip(held, subnets):
            self.ec2.release_address(AllocationId=allocation)
            self.ec2.delete_subnet(SubnetId=subnet)

    def test_an_address_is_used_once(self) -> None:
        _, subnets, held = self.make()
        mappings = [{"SubnetId": subnets[0], "AllocationId": held[0]}]
        self.refused("InvalidConfigurationRequest", self.elb.create_load_balancer, Name="m", Type="network",
                     SubnetMappings=mappings)
        mappings[0]["AllocationId"] = "eipalloc-00000000"
        self.refused("AllocationIdNotFound", self.elb.create_load_balancer, Name="m", Type="network",
                     SubnetMappings=mappings)

    def test_application_balancers_stay_as_they_are(self) -> None:
        _, subnets = self.network(2)
        made = self.elb.create_load_balancer(Name="a", Subnets=subnets)["LoadBalancers"][0]
        self.assertIn(":loadbalancer/app/a/", made["LoadBalancerArn"])

    def test_off_it_says_app(self) -> None:
        self.only()
        made, _, _ = self.make()
        self.assertIn(":loadbalancer/app/n/", made["LoadBalancerArn"])
