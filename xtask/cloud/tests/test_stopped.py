from .support import CloudTest


class Stopped(CloudTest):
    TRAITS = {"stopped": {}, "transitions": {"calls": 1}}

    def change(self, instance: str) -> None:
        self.ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t3.small"})

    def test_the_type_changes_when_stopped_only(self) -> None:
        instance = self.run_instance()
        self.refused("IncorrectInstanceState", self.change, instance=instance)
        self.ec2.stop_instances(InstanceIds=[instance])
        self.refused("IncorrectInstanceState", self.change, instance=instance)
        while self.state(instance) != "stopped":
            pass
        self.change(instance)

    def test_other_attributes_change_while_it_runs(self) -> None:
        instance = self.run_instance()
        self.ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})

    def test_what_is_on_its_way_down_cannot_be_started(self) -> None:
        instance = self.run_instance()
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.refused("IncorrectInstanceState", self.ec2.start_instances, InstanceIds=[instance])

    def test_off_it_changes_while_running(self) -> None:
        self.only()
        self.change(self.run_instance())
