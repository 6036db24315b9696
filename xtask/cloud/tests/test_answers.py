"""Answers are complete, with every trait off."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .support import URL, CloudTest, client


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

    def test_refusals_are_worded_as_the_api_does(self) -> None:
        iam = client("iam")
        iam.create_user(UserName="u")
        deny = {"Effect": "Deny", "Action": ["ec2:CreateVpc", "elasticloadbalancing:*"], "Resource": "*"}
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName="u")["AccessKey"]
        self.checks("0")
        try:
            secret, wrong = key["SecretAccessKey"], "wrong"
            # A blank in a form can be written in two ways; both are signed rightly.
            for blank in ("+", "%20"):
                form = f"Action=DescribeVpcs&Version=2016-11-15&Filter.1.Name=tag:a{blank}b&Filter.1.Value.1=c"
                self.assertEqual(signed("ec2", form, key["AccessKeyId"], secret)[0], 200)
                self.assertEqual(signed("ec2", form, key["AccessKeyId"], wrong)[0], 401)
            status, text = signed("ec2", "Action=CreateVpc&Version=2016-11-15", key["AccessKeyId"], secret)
            self.assertEqual(status, 403)
            self.assertIn("<Response><Errors><Error><Code>UnauthorizedOperation</Code>", text)
            form = "Action=DescribeLoadBalancers&Version=2015-12-01"
            status, text = signed("elasticloadbalancing", form, key["AccessKeyId"], secret)
            self.assertEqual(status, 403)
            self.assertIn("<ErrorResponse><Error><Type>Sender</Type>", text.replace("\n", ""))
            self.assertIn("<Code>AccessDenied</Code>", text)
        finally:
            self.checks("1000000000")

    def checks(self, after: str) -> None:
        """Moto checks signatures and policies after so many calls."""
        kind = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{URL}/moto-api/reset-auth", after.encode(), kind, method="POST")
        urllib.request.urlopen(request, timeout=20).close()


def signed(service: str, form: str, key: str, secret: str) -> tuple[int, str]:
    """The answer to a form that is sent just as it is written."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = AWSRequest("POST", f"{URL}/", data=form.encode(), headers=headers)
    SigV4Auth(Credentials(key, secret), service, "us-east-1").add_auth(asked)
    request = urllib.request.Request(f"{URL}/", form.encode(), dict(asked.headers), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as wrong:
        return wrong.code, wrong.read().decode()
