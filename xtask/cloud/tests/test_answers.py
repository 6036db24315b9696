"""Answers are complete, with every trait off."""

from __future__ import annotations

from .support import CloudTest


class Answers(CloudTest):
    def test_a_rule_for_a_group_has_its_description(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
        ports = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9}
        pair = {"GroupId": group, "Description": "from node to node"}
        rule = self.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[{**ports, "UserIdGroupPairs": [pair]}],
        )["SecurityGroupRules"][0]["SecurityGroupRuleId"]

        def shown() -> str:
            found = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0]
            return found["Description"]

        self.assertEqual(shown(), "from node to node")
        wanted = {**ports, "ReferencedGroupId": group, "Description": "among nodes"}
        self.ec2.modify_security_group_rules(
            GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": wanted}],
        )
        self.assertEqual(shown(), "among nodes")

    def test_a_balancer_faces_the_internet_unless_it_is_told_otherwise(self) -> None:
        _, subnets = self.network(2)
        for name, scheme in (("a", None), ("b", "internet-facing"), ("c", "internal")):
            asked = {"Scheme": scheme} if scheme else {}
            made = self.elb.create_load_balancer(Name=name, Subnets=subnets, **asked)["LoadBalancers"][0]
            self.assertEqual(made["Scheme"], scheme or "internet-facing")
            found = self.elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]
            self.assertEqual(found["Scheme"], scheme or "internet-facing")
