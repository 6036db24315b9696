from .support import CloudTest


class Dependencies(CloudTest):
    TRAITS = {"dependencies": {}, "transitions": {"calls": 1}, "network": {}}

    def violates(self, call, **params) -> None:
        self.refused("DependencyViolation", call, **params)

    def test_a_subnet_with_an_instance(self) -> None:
        _, [subnet] = self.network()
        instance = self.run_instance(SubnetId=subnet)
        self.violates(self.ec2.delete_subnet, SubnetId=subnet)
        self.ec2.terminate_instances(InstanceIds=[instance])
        # Shutting down it still is there; the refusal counts as a look.
        self.violates(self.ec2.delete_subnet, SubnetId=subnet)
        self.ec2.delete_subnet(SubnetId=subnet)

    def test_a_subnet_with_an_interface(self) -> None:
        _, [subnet] = self.network()
        made = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.violates(self.ec2.delete_subnet, SubnetId=subnet)
        self.ec2.delete_network_interface(NetworkInterfaceId=made)
        self.ec2.delete_subnet(SubnetId=subnet)

    def test_a_subnet_with_a_load_balancer(self) -> None:
        _, subnets = self.network(2)
        made = self.elb.create_load_balancer(Name="b", Subnets=subnets)["LoadBalancers"][0]
        self.violates(self.ec2.delete_subnet, SubnetId=subnets[0])
        self.elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
        self.ec2.delete_subnet(SubnetId=subnets[0])

    def test_a_subnet_with_a_nat_gateway(self) -> None:
        _, [subnet] = self.network()
        made = self.ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
        self.violates(self.ec2.delete_subnet, SubnetId=subnet)
        self.ec2.delete_nat_gateway(NatGatewayId=made)
        self.violates(self.ec2.delete_subnet, SubnetId=subnet)
        self.ec2.delete_subnet(SubnetId=subnet)

    def test_a_security_group(self) -> None:
        vpc, [subnet] = self.network()
        make = self.ec2.create_security_group
        used = make(GroupName="used", Description="d", VpcId=vpc)["GroupId"]
        other = make(GroupName="other", Description="d", VpcId=vpc)["GroupId"]
        rule = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": used}]}]
        self.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=rule)
        self.violates(self.ec2.delete_security_group, GroupId=used)
        self.ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=rule)
        instance = self.run_instance(SubnetId=subnet, SecurityGroupIds=[used])
        self.violates(self.ec2.delete_security_group, GroupId=used)
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.violates(self.ec2.delete_security_group, GroupId=used)
        self.ec2.delete_security_group(GroupId=used)
        # A group that lets itself in is not in its own way.
        self.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": other}]}])
        self.ec2.delete_security_group(GroupId=other)

    def test_the_default_security_group_stays(self) -> None:
        vpc, _ = self.network(0)
        filters = [{"Name": "vpc-id", "Values": [vpc]}]
        [default] = self.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        self.refused("CannotDelete", self.ec2.delete_security_group, GroupId=default["GroupId"])

    def test_a_vpc_goes_last(self) -> None:
        vpc, [subnet] = self.network()
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        group = self.ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
        self.violates(self.ec2.delete_vpc, VpcId=vpc)
        self.ec2.delete_subnet(SubnetId=subnet)
        self.violates(self.ec2.delete_vpc, VpcId=vpc)
        self.violates(self.ec2.delete_internet_gateway, InternetGatewayId=gateway)
        self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.violates(self.ec2.delete_vpc, VpcId=vpc)
        self.ec2.delete_route_table(RouteTableId=table)
        self.violates(self.ec2.delete_vpc, VpcId=vpc)
        self.ec2.delete_security_group(GroupId=group)
        self.ec2.delete_vpc(VpcId=vpc)

    def test_a_route_table_in_use(self) -> None:
        vpc, [subnet] = self.network()
        table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        made = self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
        self.violates(self.ec2.delete_route_table, RouteTableId=table)
        self.ec2.disassociate_route_table(AssociationId=made)
        self.ec2.delete_route_table(RouteTableId=table)

    def test_a_gateway_with_public_addresses_behind_it(self) -> None:
        vpc, [subnet] = self.network()
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        interface = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
        self.violates(self.ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
        self.ec2.disassociate_address(AssociationId=made)
        self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)

    def test_an_address_in_use(self) -> None:
        _, [subnet] = self.network()
        interface = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
        self.refused("InvalidIPAddress.InUse", self.ec2.release_address, AllocationId=address)
        self.ec2.disassociate_address(AssociationId=made)
        self.ec2.release_address(AllocationId=address)

    def test_a_private_address_in_use(self) -> None:
        self.only(dependencies={}, transitions={"calls": 1})
        _, [subnet] = self.network()
        first = self.run_instance(SubnetId=subnet, PrivateIpAddress="10.9.0.11")
        self.state(first)
        self.ec2.terminate_instances(InstanceIds=[first])
        self.refused("InvalidIPAddress.InUse", self.run_instance, SubnetId=subnet, PrivateIpAddress="10.9.0.11")
        while self.state(first) != "terminated":
            pass
        self.run_instance(SubnetId=subnet, PrivateIpAddress="10.9.0.11")

    def test_an_interface_in_use(self) -> None:
        _, [subnet] = self.network()
        self.run_instance(SubnetId=subnet)
        filters = [{"Name": "subnet-id", "Values": [subnet]}]
        [interface] = self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        self.refused("InvalidParameterValue", self.ec2.delete_network_interface,
                     NetworkInterfaceId=interface["NetworkInterfaceId"])

    def test_off_a_subnet_goes(self) -> None:
        self.only()
        _, [subnet] = self.network()
        self.run_instance(SubnetId=subnet)
        self.ec2.delete_subnet(SubnetId=subnet)
