//! Key pairs, instances and Elastic IPs, driven through the provider's traits against the stern cloud.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test reads its environment and prints"
)]

mod common;

use common::{Json, World, shown, text, unique, world, world_with};
use formwork_provider::{Object, Recovered};
use serde_json::json;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN4DjEXmtHORfy4n8WqvpGHTwJTsCZsmdAIHI2k7PBQq test";

/// A network with two subnets, a security group, and an image.
struct Place {
    vpc: Object,
    subnet: String,
    group: String,
    image: String,
}

async fn place(world: &World) -> Place {
    let vpc = world.create("aws_vpc", json!({"cidr_block": "10.20.0.0/16"})).await;
    let id = text(&vpc, "id");
    let subnet = json!({"vpc_id": id, "cidr_block": "10.20.1.0/24", "availability_zone": "us-east-1a"});
    let subnet = world.create("aws_subnet", subnet).await;
    let group = world.create("aws_security_group", json!({"vpc_id": id, "name": unique("group")})).await;
    let filter = json!([{"name": "name", "values": ["al2023-ami-2023*-x86_64"]}]);
    let image = json!({"most_recent": true, "owners": ["amazon"], "filter": filter});
    let image = world.data("aws_ami", image).await.expect("an image");
    let image = image.get("id").and_then(|id| id.as_str()).expect("an id").to_owned();
    Place { vpc, subnet: text(&subnet, "id"), group: text(&group, "id"), image }
}

fn machine(place: &Place) -> Json {
    json!({
        "ami": place.image, "instance_type": "t3.micro", "subnet_id": place.subnet,
        "vpc_security_group_ids": [place.group],
    })
}

fn with(config: &Json, more: Json) -> Json {
    let mut config = config.clone();
    for (name, value) in more.as_object().expect("an object") {
        config[name] = value.clone();
    }
    config
}

#[tokio::test]
async fn key_pair_lives() {
    let Some(world) = world().await else { return };
    let name = unique("key");
    let config = json!({"key_name": name, "public_key": KEY, "tags": {"a": "1"}});
    let made = world.create("aws_key_pair", config.clone()).await;
    let seen = shown(&made);
    assert_eq!((&seen["id"], &seen["key_type"]), (&json!(name), &json!("ed25519")));
    assert!(text(&made, "key_pair_id").starts_with("key-"));
    assert!(text(&made, "arn").ends_with(&format!(":key-pair/{name}")));
    // White space around the key does not count; another key does.
    let spaced = json!({"key_name": name, "public_key": format!("{KEY}\n"), "tags": {"a": "1"}});
    world.unchanged("aws_key_pair", &made, spaced).await;
    let other = json!({"key_name": name, "public_key": format!("{KEY}x"), "tags": {"a": "1"}});
    assert_eq!(world.plan("aws_key_pair", Some(&made), other).await.replace.len(), 1);

    let changed = json!({"key_name": name, "public_key": KEY, "tags": {"b": "2"}});
    let changed = world.update("aws_key_pair", &made, changed).await;
    assert_eq!(shown(&changed)["tags_all"], json!({"b": "2"}));
    let imported = world.import("aws_key_pair", &name).await;
    assert_eq!(shown(&imported)["key_pair_id"], shown(&changed)["key_pair_id"]);
    assert!(text(&imported, "public_key").starts_with("ssh-ed25519 "));

    // The name is taken, and what is there is not ours.
    let error = world.try_create("aws_key_pair", config, &unique("token")).await.expect_err("is taken");
    assert_eq!((error.summary.as_str(), error.no_effect), ("The name is taken", true), "{}", error.detail);
    world.delete("aws_key_pair", &changed).await;
}

#[tokio::test]
async fn an_unanswered_import_of_a_key_makes_one_key() {
    let Some(world) = world().await else { return };
    for (action, fault) in [("ImportKeyPair", "cut"), ("ImportKeyPair", "before")] {
        world.stern("POST faults", json!({"kind": fault, "action": action}));
        let (token, config) = (unique("token"), json!({"key_name_prefix": "k-", "public_key": KEY}));
        let made = world.try_create("aws_key_pair", config.clone(), &token).await.expect("tries again");
        assert!(text(&made, "key_name").starts_with("k-"));
        match world.recover("aws_key_pair", config, &token).await {
            Recovered::Found { object, complete: true } => {
                assert_eq!(shown(&object)["id"], shown(&made)["id"])
            }
            other => panic!("{other:?}"),
        }
        world.delete("aws_key_pair", &made).await;
    }
}

#[tokio::test]
async fn instance_lives() {
    let Some(world) = world_with(json!({"default_tags": [{"tags": {"team": "pay"}}]})).await else { return };
    let place = place(&world).await;
    let key = world.create("aws_key_pair", json!({"key_name": unique("key"), "public_key": KEY})).await;
    let config = with(
        &machine(&place),
        json!({
            "private_ip": "10.20.1.11", "key_name": text(&key, "id"), "user_data": "#!/bin/sh\ntrue\n",
            "source_dest_check": false, "tags": {"Name": "n1"},
            "root_block_device": [{"volume_size": 20, "volume_type": "gp3", "tags": {"on": "root"}}],
            "metadata_options": [{"http_tokens": "required"}],
        }),
    );
    let made = world.create("aws_instance", config.clone()).await;
    let (seen, id) = (shown(&made), text(&made, "id"));
    assert_eq!((&seen["instance_state"], &seen["private_ip"]), (&json!("running"), &json!("10.20.1.11")));
    assert_eq!(seen["tags_all"], json!({"Name": "n1", "team": "pay"}));
    assert_eq!(
        (&seen["source_dest_check"], &seen["user_data"]),
        (&json!(false), &json!("#!/bin/sh\ntrue\n"))
    );
    assert_eq!(seen["root_block_device"][0]["volume_size"], json!(20));
    assert_eq!(seen["root_block_device"][0]["tags"], json!({"on": "root"}));
    assert_eq!(seen["metadata_options"][0]["http_tokens"], json!("required"));
    assert_eq!(seen["availability_zone"], json!("us-east-1a"));
    assert!(text(&made, "arn").ends_with(&format!(":instance/{id}")));
    assert!(text(&made, "primary_network_interface_id").starts_with("eni-"));

    // In place, without stopping it.
    let changed = with(
        &config,
        json!({"source_dest_check": true, "tags": {"Name": "n2"}, "disable_api_termination": true}),
    );
    let changed = world.update("aws_instance", &made, changed).await;
    assert_eq!(shown(&changed)["tags_all"], json!({"Name": "n2", "team": "pay"}));
    assert_eq!(world.calls("StopInstances"), 0);
    let unlocked = with(&config, json!({"disable_api_termination": false}));
    let unlocked = world.update("aws_instance", &changed, unlocked).await;

    // The type: stopped, changed, started. The public address may be another then.
    let bigger = with(&config, json!({"instance_type": "t3.small", "disable_api_termination": false}));
    let plan = world.plan("aws_instance", Some(&unlocked), bigger.clone()).await;
    assert!(plan.planned.get("public_ip").is_some_and(|ip| !ip.is_known()));
    let bigger = world.update("aws_instance", &unlocked, bigger).await;
    assert_eq!((text(&bigger, "instance_type"), text(&bigger, "id")), ("t3.small".into(), id.clone()));
    assert_eq!((world.calls("StopInstances"), world.calls("StartInstances")), (1, 1));
    assert_eq!(shown(&bigger)["tags"], json!({"Name": "n1"}), "the mark of the restart is gone");

    // A new image needs a new instance, and so does new user data if that is wanted.
    let other = with(&config, json!({"ami": "ami-other"}));
    assert_eq!(world.plan("aws_instance", Some(&bigger), other).await.replace[0].first_attr(), Some("ami"));
    let anew = with(
        &config,
        json!({"user_data": "other", "user_data_replace_on_change": true, "instance_type": "t3.small"}),
    );
    let anew = world.plan("aws_instance", Some(&bigger), anew).await;
    assert_eq!(anew.replace[0].first_attr(), Some("user_data"));
    assert!(anew.planned.get("id").is_some_and(|id| !id.is_known()));
    assert_eq!(anew.planned.get("tags_all").and_then(|tags| tags.len()), Some(2));

    let imported = shown(&world.import("aws_instance", &id).await);
    for name in
        ["ami", "instance_type", "private_ip", "tags_all", "user_data", "disable_api_termination", "key_name"]
    {
        assert_eq!(imported[name], shown(&bigger)[name], "{name}");
    }
    world.delete("aws_instance", &bigger).await;
    assert!(world.read("aws_instance", &bigger).await.is_none(), "a terminated instance is none");
}

#[tokio::test]
async fn volumes_have_tags_of_their_own() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let devices = json!({
        "root_block_device": [{"volume_size": 20, "tags": {"on": "root"}}],
        "ebs_block_device": [{"device_name": "/dev/sdg", "volume_size": 5, "tags": {"on": "sdg"}}],
    });
    let config = with(&machine(&place), devices);
    let made = world.create("aws_instance", config.clone()).await;
    assert_eq!(shown(&made)["root_block_device"][0]["tags"], json!({"on": "root"}));
    assert_eq!(shown(&made)["ebs_block_device"][0]["tags"], json!({"on": "sdg"}));
    world.delete("aws_instance", &made).await;

    let twice = with(&config, json!({"volume_tags": {"on": "all"}}));
    let resource = world.resource("aws_instance");
    let problems = resource.validate(&common::value(&resource.schema().block, &twice));
    assert_eq!(problems[0].summary, "Conflicting arguments");
}

#[tokio::test]
async fn an_interrupted_restart_is_gone_on_with() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let config = machine(&place);
    let made = world.create("aws_instance", config.clone()).await;
    // What a kill leaves between stopping it and starting it again.
    let id = text(&made, "id");
    world.http_as("ec2", &format!("Action=CreateTags&Version=2016-11-15&ResourceId.1={id}&Tag.1.Key=formwork%3Arestart&Tag.1.Value=true"));
    world.http_as("ec2", &format!("Action=StopInstances&Version=2016-11-15&InstanceId.1={id}"));
    let left = world.read("aws_instance", &made).await.expect("is there");
    assert_eq!(text(&left, "instance_state"), "restarting");
    assert_eq!(shown(&left)["tags_all"], json!({}), "the mark is not shown");
    let plan = world.plan("aws_instance", Some(&left), config.clone()).await;
    assert!(
        plan.planned.get("instance_state").is_some_and(|state| !state.is_known()) && plan.notes.len() == 1
    );
    let mended = world.update("aws_instance", &left, config.clone()).await;
    assert_eq!(text(&mended, "instance_state"), "running");

    // One that somebody stopped stays stopped, also when it is changed.
    world.http_as("ec2", &format!("Action=StopInstances&Version=2016-11-15&InstanceId.1={id}"));
    let mut stopped = world.read("aws_instance", &mended).await.expect("is there");
    while text(&stopped, "instance_state") != "stopped" {
        stopped = world.read("aws_instance", &mended).await.expect("is there");
    }
    let bigger = with(&config, json!({"instance_type": "t3.small"}));
    let bigger = world.update("aws_instance", &stopped, bigger).await;
    assert_eq!(
        (text(&bigger, "instance_state"), text(&bigger, "instance_type")),
        ("stopped".into(), "t3.small".into())
    );
    world.delete("aws_instance", &bigger).await;
}

#[tokio::test]
async fn an_unanswered_launch_makes_one_instance() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    for fault in ["cut", "after", "before"] {
        world.stern("POST faults", json!({"kind": fault, "action": "RunInstances"}));
        let (token, config) = (unique("token"), machine(&place));
        let made = world.try_create("aws_instance", config.clone(), &token).await.expect("tries again");
        match world.recover("aws_instance", config, &token).await {
            Recovered::Found { object, complete: true } => {
                assert_eq!(shown(&object)["id"], shown(&made)["id"])
            }
            other => panic!("{fault}: {other:?}"),
        }
        world.delete("aws_instance", &made).await;
    }
    // Nothing is left in the subnet: it can go.
    let subnet = world.import("aws_subnet", &place.subnet).await;
    world.delete("aws_subnet", &subnet).await;
}

#[tokio::test]
async fn many_instances_are_read_by_one_call() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(world.create("aws_instance", machine(&place)).await);
    }
    world.delete("aws_instance", &all[1]).await;
    let before = world.calls("DescribeInstances");
    let read = world.read_many("aws_instance", &all).await;
    assert_eq!(world.calls("DescribeInstances") - before, 1);
    let there: Vec<bool> = read.iter().map(Option::is_some).collect();
    assert_eq!(there, [true, false, true]);
    assert_eq!(shown(read[2].as_ref().expect("is there")), shown(&all[2]));
}

#[tokio::test]
async fn address_lives() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let gateway = json!({"vpc_id": text(&place.vpc, "id")});
    world.create("aws_internet_gateway", gateway).await;
    let instance = world.create("aws_instance", machine(&place)).await;
    let made = world.create("aws_eip", json!({"domain": "vpc", "tags": {"Name": "a"}})).await;
    assert!(text(&made, "id").starts_with("eipalloc-"));
    assert_eq!(text(&made, "instance"), "");
    assert!(text(&made, "public_dns").starts_with("ec2-"));

    let config = json!({"domain": "vpc", "instance": text(&instance, "id"), "tags": {"Name": "b"}});
    let there = world.update("aws_eip", &made, config.clone()).await;
    assert_eq!(text(&there, "public_ip"), text(&made, "public_ip"));
    assert!(text(&there, "association_id").starts_with("eipassoc-"));
    assert_eq!(shown(&there)["tags_all"], json!({"Name": "b"}));
    let machine = world.read("aws_instance", &instance).await.expect("is there");
    assert_eq!(text(&machine, "public_ip"), text(&made, "public_ip"));
    // A change of tags leaves it where it is.
    let tagged = json!({"domain": "vpc", "instance": text(&instance, "id")});
    let tagged = world.update("aws_eip", &there, tagged).await;
    assert_eq!(text(&tagged, "association_id"), text(&there, "association_id"));
    world.delete("aws_eip", &tagged).await;

    // At once, when it is made; its association comes after it is recorded.
    let whole = world.create("aws_eip", config).await;
    assert_eq!(text(&whole, "instance"), text(&instance, "id"));
    world.delete("aws_eip", &whole).await;
    world.delete("aws_instance", &instance).await;
}

#[tokio::test]
async fn an_interrupted_allocation_is_found_again() {
    let Some(world) = world().await else { return };
    let config = json!({"domain": "vpc"});
    for fault in ["cut", "after"] {
        let found =
            world.interrupted("aws_eip", config.clone(), "AllocateAddress", fault).await.expect(fault);
        assert!(text(&found, "id").starts_with("eipalloc-"));
        world.delete("aws_eip", &found).await;
    }
    assert!(world.interrupted("aws_eip", config, "AllocateAddress", "before").await.is_none());
}

#[tokio::test]
async fn volume_lives() {
    let Some(world) = world().await else { return };
    let config = |size: u32| json!({"availability_zone": "us-east-1a", "size": size, "type": "gp3", "tags": {"a": "1"}});
    // The answer is lost: the same token gives the same volume.
    let token = unique("token");
    world.stern("POST faults", json!({"kind": "cut", "action": "CreateVolume"}));
    let made = world.try_create("aws_ebs_volume", config(1), &token).await.expect("tries again");
    assert_eq!(world.calls("CreateVolume"), 2);
    assert!(text(&made, "arn").ends_with(&format!(":volume/{}", text(&made, "id"))));
    assert_eq!((&shown(&made)["iops"], &shown(&made)["encrypted"]), (&json!(3000), &json!(false)));
    match world.recover("aws_ebs_volume", config(1), &token).await {
        Recovered::Found { object, complete } => {
            assert_eq!((shown(&object), complete), (shown(&made), true));
        }
        Recovered::Absent => panic!("the volume is there"),
    }

    let grown = world.update("aws_ebs_volume", &made, with(&config(2), json!({"tags": {"b": "2"}}))).await;
    assert_eq!((text(&grown, "id"), &shown(&grown)["size"]), (text(&made, "id"), &json!(2)));
    assert_eq!(shown(&grown)["tags_all"], json!({"b": "2"}));
    let elsewhere = with(&config(2), json!({"availability_zone": "us-east-1b"}));
    assert_eq!(world.plan("aws_ebs_volume", Some(&grown), elsewhere).await.replace.len(), 1);
    let imported = world.import("aws_ebs_volume", &text(&made, "id")).await;
    assert_eq!(shown(&imported), shown(&grown));

    let volumes = world.resource("aws_ebs_volume");
    let blank = common::value(&volumes.schema().block, &json!({"availability_zone": "us-east-1a"}));
    assert_eq!(volumes.validate(&blank)[0].summary, "Missing size");
    world.delete("aws_ebs_volume", &grown).await;
}

#[tokio::test]
async fn a_twin_that_came_late_goes() {
    let Some(world) = world().await else { return };
    let kinds = [
        ("aws_eip", json!({"domain": "vpc"})),
        ("aws_vpc", json!({"cidr_block": "10.77.0.0/16"})),
        ("aws_internet_gateway", json!({})),
    ];
    for (kind, config) in kinds {
        let token = unique("token");
        // What an interrupted run had asked for, which came when recovery had looked for it already.
        let late = world.try_create(kind, config.clone(), &token).await.expect("is made");
        let made = world.try_create(kind, config, &token).await.expect("is made again");
        assert_ne!(text(&made, "id"), text(&late, "id"), "{kind}");
        assert!(world.read(kind, &late).await.is_none(), "{kind}");
        assert!(world.read(kind, &made).await.is_some(), "{kind}");
        world.delete(kind, &made).await;
    }
}

#[tokio::test]
async fn association_lives() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    world.create("aws_internet_gateway", json!({"vpc_id": text(&place.vpc, "id")})).await;
    let instance = world.create("aws_instance", machine(&place)).await;
    let address = world.create("aws_eip", json!({"domain": "vpc"})).await;
    let config = json!({"allocation_id": text(&address, "id"), "instance_id": text(&instance, "id")});
    world.stern("POST faults", json!({"kind": "cut", "action": "AssociateAddress"}));
    let token = unique("token");
    let made = world.try_create("aws_eip_association", config.clone(), &token).await.expect("tries again");
    world.unchanged("aws_eip_association", &made, config.clone()).await;
    assert_eq!(text(&made, "public_ip"), text(&address, "public_ip"));
    match world.recover("aws_eip_association", config, &token).await {
        Recovered::Found { object, complete: true } => assert_eq!(shown(&object), shown(&made)),
        other => panic!("{other:?}"),
    }
    // The address's own type shows it, and would leave it.
    let seen = world.read("aws_eip", &address).await.expect("is there");
    assert_eq!(text(&seen, "instance"), text(&instance, "id"));
    let tagged = world.update("aws_eip", &seen, json!({"domain": "vpc", "tags": {"a": "1"}})).await;
    assert_eq!(text(&tagged, "association_id"), text(&made, "id"));
    world.delete("aws_eip_association", &made).await;
    world.delete("aws_eip", &address).await;
}
