from .support import CloudTest, client, image


class Names(CloudTest):
    TRAITS = {"names": {}}

    def test_a_load_balancers_name(self) -> None:
        _, subnets = self.network(3)
        make = self.elb.create_load_balancer
        first = make(Name="b", Subnets=subnets[:2])["LoadBalancers"][0]
        self.refused("DuplicateLoadBalancerName", make, Name="b", Subnets=subnets[1:])
        # The very same call is the one that CreateLoadBalancer's documentation calls idempotent.
        again = make(Name="b", Subnets=subnets[:2])["LoadBalancers"][0]
        self.assertEqual(again["LoadBalancerArn"], first["LoadBalancerArn"])
        self.assertEqual(len(self.elb.describe_load_balancers()["LoadBalancers"]), 1)
        self.elb.delete_load_balancer(LoadBalancerArn=first["LoadBalancerArn"])
        make(Name="b", Subnets=subnets[1:])

    def test_a_listeners_port(self) -> None:
        _, subnets = self.network(2)
        balancer = self.elb.create_load_balancer(Name="b", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        asked = {"LoadBalancerArn": balancer, "Port": 80, "Protocol": "HTTP", "DefaultActions": [action]}
        made = [self.elb.create_listener(**asked)["Listeners"][0]["ListenerArn"] for _ in range(2)]
        self.assertEqual(made[0], made[1])
        other = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
        self.refused("DuplicateListener", self.elb.create_listener, **{**asked, "DefaultActions": [other]})
        self.elb.create_listener(**{**asked, "Port": 81})
        self.assertEqual(len(self.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]), 2)

    def test_an_auto_scaling_groups_name(self) -> None:
        scaling = client("autoscaling")
        scaling.create_launch_configuration(LaunchConfigurationName="c", ImageId=image(), InstanceType="t3.micro")
        group = {"AutoScalingGroupName": "g", "LaunchConfigurationName": "c", "MinSize": 0, "MaxSize": 1,
                 "AvailabilityZones": ["us-east-1a"]}
        scaling.create_auto_scaling_group(**group)
        self.refused("AlreadyExists", scaling.create_auto_scaling_group, **group)

    def test_off_names_are_free(self) -> None:
        self.only()
        _, subnets = self.network(2)
        for _ in range(2):
            self.elb.create_load_balancer(Name="b", Subnets=subnets)
        self.assertEqual(len(self.elb.describe_load_balancers()["LoadBalancers"]), 2)
