from .support import CloudTest


class Late(CloudTest):
    TRAITS = {"late": {"calls": 2}}

    def tearDown(self) -> None:
        self.only(late={"calls": 1})

    def test_a_new_vpc_is_not_found_twice(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        self.refused("InvalidVpcID.NotFound", self.ec2.describe_vpcs, VpcIds=[vpc])
        self.refused("InvalidVpcID.NotFound", self.ec2.create_subnet, VpcId=vpc, CidrBlock="10.9.1.0/24")
        self.assertEqual(self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["VpcId"], vpc)

    def test_lists_leave_it_out(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        seen = [vpc in [v["VpcId"] for v in self.ec2.describe_vpcs()["Vpcs"]] for _ in range(4)]
        self.assertEqual(seen, [False, False, True, True])

    def test_a_list_keeps_what_is_old(self) -> None:
        self.ec2.create_vpc(CidrBlock="10.9.0.0/16")
        [default] = self.ec2.describe_vpcs()["Vpcs"]
        self.assertTrue(default["IsDefault"])
        self.assertEqual(default["CidrBlock"], "172.31.0.0/16")

    def test_instances(self) -> None:
        self.only()
        self.key()
        self.only(late={"calls": 1})
        instance = self.run_instance()
        self.assertEqual(self.ec2.describe_instances()["Reservations"][0]["Instances"], [])
        self.assertEqual(self.state(instance), "running")

    def test_key_pairs_by_name(self) -> None:
        self.only(late={"calls": 1})
        self.ec2.create_key_pair(KeyName="k")
        self.refused("InvalidKeyPair.NotFound", self.ec2.describe_key_pairs, KeyNames=["k"])
        self.assertEqual(len(self.ec2.describe_key_pairs(KeyNames=["k"])["KeyPairs"]), 1)

    def test_addresses_groups_and_rules(self) -> None:
        self.only(late={"calls": 1})
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.refused("InvalidAllocationID.NotFound", self.ec2.describe_addresses, AllocationIds=[address])
        self.ec2.describe_addresses(AllocationIds=[address])
        [vpc] = self.ec2.describe_vpcs()["Vpcs"]
        group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc["VpcId"])["GroupId"]
        rule = {"GroupId": group, "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}
        self.refused("InvalidGroup.NotFound", self.ec2.authorize_security_group_ingress, **rule)
        made = self.ec2.authorize_security_group_ingress(**rule)["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        self.refused("InvalidSecurityGroupRuleId.NotFound", self.ec2.describe_security_group_rules,
                     SecurityGroupRuleIds=[made])
        self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[made])

    def test_load_balancers_by_arn_and_by_name(self) -> None:
        self.only()
        _, subnets = self.network(2)
        self.only(late={"calls": 2})
        made = self.elb.create_load_balancer(Name="b", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        self.refused("LoadBalancerNotFound", self.elb.describe_load_balancers, LoadBalancerArns=[made])
        self.refused("LoadBalancerNotFound", self.elb.describe_load_balancers, Names=["b"])
        self.assertEqual(self.elb.describe_load_balancers(Names=["b"])["LoadBalancers"][0]["LoadBalancerArn"], made)

    def test_off_it_is_there_at_once(self) -> None:
        self.only()
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        self.ec2.describe_vpcs(VpcIds=[vpc])
