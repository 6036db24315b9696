from .support import CloudTest, client, stern


class Objects(CloudTest):
    TRAITS = {"late": {"calls": 5}}

    def kinds(self) -> list[str]:
        return [o["type"] for o in stern("GET", "objects")]

    def test_nothing_is_there_that_nobody_made(self) -> None:
        self.ec2.describe_vpcs()
        self.assertEqual(self.kinds(), [])

    def test_what_was_made_is_listed_though_the_traits_hide_it(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        self.assertNotIn(vpc, str(self.ec2.describe_vpcs()))
        self.assertEqual([(o["type"], o["id"]) for o in stern("GET", "objects")], [("aws_vpc", vpc)])

    def test_what_belongs_to_an_instance_goes_with_it(self) -> None:
        self.only(transitions={"calls": 1})
        _, [subnet] = self.network()
        instance = self.run_instance(SubnetId=subnet)
        self.assertEqual(self.kinds(), ["aws_instance", "aws_key_pair", "aws_subnet", "aws_vpc"])
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.assertIn("aws_instance", self.kinds())
        while self.state(instance) != "terminated":
            pass
        self.assertEqual(self.kinds(), ["aws_key_pair", "aws_subnet", "aws_vpc"])

    def test_rules_associations_and_addresses(self) -> None:
        self.only(network={})
        vpc, [subnet] = self.network()
        table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        group = self.ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=1, ToPort=2,
                                                  CidrIp="10.0.0.0/8")
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        instance = self.run_instance(SubnetId=subnet)
        self.ec2.associate_address(AllocationId=address, InstanceId=instance)
        self.assertEqual(self.kinds(), [
            "aws_eip", "aws_eip_association", "aws_instance", "aws_key_pair", "aws_route_table",
            "aws_route_table_association", "aws_security_group", "aws_subnet", "aws_vpc",
            "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule",
        ])

    def test_balancers(self) -> None:
        self.only(network={})
        vpc, subnets = self.network(2)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        elb = client("elbv2")
        balancer = elb.create_load_balancer(
            Name="b", Type="network",
            SubnetMappings=[{"SubnetId": subnets[0], "AllocationId": address}, {"SubnetId": subnets[1]}],
        )["LoadBalancers"][0]["LoadBalancerArn"]
        group = elb.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=vpc)["TargetGroups"][0]
        elb.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=80,
                            DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}])
        instance = self.run_instance(SubnetId=subnets[0])
        elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": instance}])
        self.assertEqual(self.kinds(), [
            "aws_eip", "aws_instance", "aws_key_pair", "aws_lb", "aws_lb_listener", "aws_lb_target_group",
            "aws_lb_target_group_attachment", "aws_subnet", "aws_subnet", "aws_vpc",
        ])
