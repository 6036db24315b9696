import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from .support import URL, CloudTest, client, image, stern


class WholeCloud(CloudTest):
    TRAITS = {name: {} for name in ("tokens", "late", "transitions", "dependencies", "stopped", "names", "network")}

    def test_settings_are_checked_and_all_or_nothing(self) -> None:
        before = stern("GET", "traits")
        for wrong in ({"moon": {}}, {"late": {"on": 1}}, {"late": {"calls": -1}}, {"late": {"calls": "2"}},
                      {"late": {"calls": 5}, "tokens": {"calls": 1}}):
            self.assertIn("error", stern("POST", "traits", wrong), wrong)
        self.assertEqual(stern("GET", "traits"), before)
        self.assertIn("error", stern("GET", "moon"))

    def test_one_call_at_a_time(self) -> None:
        self.only()
        group = self.ec2.create_security_group(GroupName="g", Description="d")["GroupId"]

        def allow(port: int) -> None:
            client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(allow, range(1, 25)))
        [found] = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        self.assertEqual(len(found["IpPermissions"]), 24)

    def test_motos_own_reset_is_heard(self) -> None:
        self.only(tokens={})
        first = self.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, ClientToken="t")["VolumeId"]
        urllib.request.urlopen(urllib.request.Request(f"{URL}/moto-api/reset", method="POST")).close()
        again = self.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, ClientToken="t")["VolumeId"]
        self.assertNotEqual(first, again)

    def test_other_services_pass(self) -> None:
        client("s3").create_bucket(Bucket="bucket")
        client("s3").put_object(Bucket="bucket", Key="k", Body=b"hello")
        self.assertEqual(client("s3").get_object(Bucket="bucket", Key="k")["Body"].read(), b"hello")
        self.assertEqual(client("sts").get_caller_identity()["Account"], "123456789012")

    def test_a_request_that_is_cut_off_has_no_effect(self) -> None:
        self.only()
        client("s3").create_bucket(Bucket="bucket")
        address = URL.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as cut:
            cut.sendall(b"PUT /bucket/k HTTP/1.1\r\nHost: s3\r\nContent-Length: 10\r\nAuthorization: AWS4-HMAC-SHA256 "
                        b"Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\nhello")
            cut.shutdown(socket.SHUT_WR)
            self.assertEqual(cut.recv(100), b"")
        self.assertNotIn("Contents", client("s3").list_objects_v2(Bucket="bucket"))

    def test_a_client_that_waits_gets_through_all_of_it(self) -> None:
        def patiently(call, **params):
            for _ in range(20):
                try:
                    return call(**params)
                except self.ec2.exceptions.ClientError as refused:
                    code = refused.response["Error"]["Code"]
                    if "NotFound" not in code and code not in ("DependencyViolation", "InvalidIPAddress.InUse"):
                        raise
            self.fail(f"in vain: {code}")

        ec2 = self.ec2
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = patiently(ec2.create_subnet, VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        ec2.create_key_pair(KeyName="k")
        made = patiently(ec2.run_instances, ImageId=image(), InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="k",
                         SubnetId=subnet, ClientToken="c")["Instances"][0]["InstanceId"]
        self.assertEqual(patiently(ec2.describe_instances, InstanceIds=[made])["Reservations"][0]["Instances"][0]
                         ["State"]["Name"], "pending")
        patiently(ec2.terminate_instances, InstanceIds=[made])
        patiently(ec2.delete_subnet, SubnetId=subnet)
        patiently(ec2.delete_vpc, VpcId=vpc)
        self.assertNotIn(vpc, [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]])
