//! Load balancers, driven through the provider's traits against the stern cloud.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test reads its environment and prints"
)]

mod common;

use common::{Json, World, shown, text, unique, world, world_with};
use formwork_provider::Recovered;
use serde_json::json;

/// A network over two zones.
struct Place {
    vpc: String,
    subnets: [String; 2],
    group: String,
}

async fn place(world: &World) -> Place {
    let vpc = text(&world.create("aws_vpc", json!({"cidr_block": "10.30.0.0/16"})).await, "id");
    let subnet = async |range: &str, zone: &str| {
        let config = json!({"vpc_id": vpc, "cidr_block": range, "availability_zone": zone});
        text(&world.create("aws_subnet", config).await, "id")
    };
    let subnets = [subnet("10.30.1.0/24", "us-east-1a").await, subnet("10.30.2.0/24", "us-east-1b").await];
    world.create("aws_internet_gateway", json!({"vpc_id": vpc})).await;
    let group = world.create("aws_security_group", json!({"vpc_id": vpc, "name": unique("group")})).await;
    Place { group: text(&group, "id"), vpc, subnets }
}

fn with(config: &Json, more: Json) -> Json {
    let mut config = config.clone();
    for (name, value) in more.as_object().expect("an object") {
        config[name] = value.clone();
    }
    config
}

/// A name of at most 32 characters.
fn short(prefix: &str) -> String {
    let name = unique(prefix);
    name[..name.len().min(32)].to_owned()
}

fn group(place: &Place) -> Json {
    json!({"name": short("g"), "port": 6443, "protocol": "TCP", "vpc_id": place.vpc})
}

#[tokio::test]
async fn network_balancer_lives() {
    let Some(world) = world_with(json!({"default_tags": [{"tags": {"team": "pay"}}]})).await else { return };
    let place = place(&world).await;
    let mut mapping = Vec::new();
    let mut addresses = Vec::new();
    for subnet in &place.subnets {
        let address = world.create("aws_eip", json!({"domain": "vpc"})).await;
        mapping.push(json!({"subnet_id": subnet, "allocation_id": text(&address, "id")}));
        addresses.push(address);
    }
    let config = json!({
        "name": short("nlb"), "load_balancer_type": "network", "subnet_mapping": mapping,
        "enable_cross_zone_load_balancing": true, "tags": {"Name": "a"},
    });
    let made = world.create("aws_lb", config.clone()).await;
    let seen = shown(&made);
    assert!(text(&made, "arn").contains(":loadbalancer/net/"), "{seen}");
    assert!(text(&made, "arn_suffix").starts_with("net/"));
    assert_eq!(seen["tags_all"], json!({"Name": "a", "team": "pay"}));
    assert_eq!((&seen["internal"], &seen["vpc_id"]), (&json!(false), &json!(place.vpc)));
    assert_eq!(seen["subnets"].as_array().map(Vec::len), Some(2));
    assert_eq!(seen["enable_cross_zone_load_balancing"], json!(true));
    // The identity was recorded before anything else.
    let recorded = world.recorded.lock().expect("recorded").last().cloned().expect("something");
    assert_eq!(text(&recorded, "id"), text(&made, "id"));

    let changed = with(&config, json!({"enable_cross_zone_load_balancing": false, "tags": {"Name": "b"}}));
    let changed = world.update("aws_lb", &made, changed).await;
    assert_eq!(shown(&changed)["tags_all"], json!({"Name": "b", "team": "pay"}));
    // Taking a subnet away needs a new one.
    let smaller = with(&config, json!({"subnet_mapping": [mapping[0]]}));
    let plan = world.plan("aws_lb", Some(&changed), smaller).await;
    assert_eq!(plan.replace[0].first_attr(), Some("subnet_mapping"));

    let imported = shown(&world.import("aws_lb", &text(&made, "arn")).await);
    for name in ["name", "load_balancer_type", "tags_all", "subnets", "idle_timeout", "dns_name"] {
        assert_eq!(imported[name], shown(&changed)[name], "{name}");
    }
    // The name is taken, and what is there is not ours.
    let error = world.try_create("aws_lb", config, &unique("token")).await.expect_err("is taken");
    assert_eq!(error.summary, "The name is taken", "{}", error.detail);
    world.delete("aws_lb", &changed).await;
    for address in &addresses {
        world.delete("aws_eip", address).await;
    }
}

#[tokio::test]
async fn application_balancer_lives() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let config = json!({
        "name_prefix": "app-", "subnets": place.subnets, "security_groups": [place.group], "internal": true,
        "idle_timeout": 30, "drop_invalid_header_fields": true,
    });
    let made = world.create("aws_lb", config.clone()).await;
    let seen = shown(&made);
    assert!(text(&made, "name").starts_with("app-"));
    assert_eq!((&seen["idle_timeout"], &seen["internal"]), (&json!(30), &json!(true)));
    assert_eq!((&seen["drop_invalid_header_fields"], &seen["enable_http2"]), (&json!(true), &json!(true)));
    let changed = with(&config, json!({"idle_timeout": 60, "enable_deletion_protection": true}));
    let changed = world.update("aws_lb", &made, changed).await;
    let unlocked = with(&config, json!({"enable_deletion_protection": false}));
    let unlocked = world.update("aws_lb", &changed, unlocked).await;
    assert_eq!(shown(&unlocked)["idle_timeout"], json!(30));

    let target = json!({"name": short("g"), "port": 80, "protocol": "HTTP", "vpc_id": place.vpc,
        "health_check": [{"path": "/up", "matcher": "200-299", "interval": 15, "timeout": 4}],
        "stickiness": [{"type": "lb_cookie", "cookie_duration": 60}]});
    let target = world.create("aws_lb_target_group", target).await;
    assert_eq!(shown(&target)["health_check"][0]["path"], json!("/up"));
    assert_eq!(shown(&target)["stickiness"][0]["cookie_duration"], json!(60));
    let redirect = json!([{"type": "redirect", "redirect": [{"port": "443", "protocol": "HTTPS", "status_code": "HTTP_301"}]}]);
    let listener = json!({"load_balancer_arn": text(&made, "arn"), "port": 80, "default_action": redirect});
    let listener = world.create("aws_lb_listener", listener).await;
    assert_eq!(shown(&listener)["protocol"], json!("HTTP"));
    let fixed = json!([{"type": "fixed-response",
        "fixed_response": [{"content_type": "text/plain", "message_body": "no", "status_code": "404"}]}]);
    let answer = json!({"load_balancer_arn": text(&made, "arn"), "port": 80, "default_action": fixed});
    let answer = world.update("aws_lb_listener", &listener, answer).await;
    let forward = json!([{"type": "forward", "forward": [{"target_group": [{"arn": text(&target, "arn"), "weight": 10}]}]}]);
    let sent = json!({"load_balancer_arn": text(&made, "arn"), "port": 80, "default_action": forward});
    let sent = world.update("aws_lb_listener", &answer, sent).await;
    world.delete("aws_lb_listener", &sent).await;
    world.delete("aws_lb_target_group", &target).await;
    world.delete("aws_lb", &unlocked).await;
}

#[tokio::test]
async fn targets_and_listeners_live() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let balancer = json!({"name": short("nlb"), "load_balancer_type": "network", "subnets": place.subnets});
    let balancer = world.create("aws_lb", balancer).await;
    let config = with(
        &group(&place),
        json!({"health_check": [{"protocol": "TCP", "interval": 10}], "deregistration_delay": "30", "tags": {"a": "1"}}),
    );
    let target = world.create("aws_lb_target_group", config.clone()).await;
    let seen = shown(&target);
    assert_eq!((&seen["deregistration_delay"], &seen["target_type"]), (&json!("30"), &json!("instance")));
    assert_eq!(seen["health_check"][0]["healthy_threshold"], json!(3));
    assert!(text(&target, "arn_suffix").starts_with("targetgroup/"));
    let changed = with(
        &config,
        json!({"health_check": [{"protocol": "TCP", "interval": 30}], "deregistration_delay": "0", "proxy_protocol_v2": true,
            "tags": {"b": "2"}}),
    );
    let target = world.update("aws_lb_target_group", &target, changed).await;
    assert_eq!(shown(&target)["tags_all"], json!({"b": "2"}));

    let address =
        json!({"name": short("ip"), "port": 80, "protocol": "TCP", "vpc_id": place.vpc, "target_type": "ip"});
    let addresses = world.create("aws_lb_target_group", address).await;
    let attachment =
        json!({"target_group_arn": text(&addresses, "arn"), "target_id": "10.30.1.9", "port": 8080});
    let attached = world.create("aws_lb_target_group_attachment", attachment.clone()).await;
    match world.recover("aws_lb_target_group_attachment", attachment, "any").await {
        Recovered::Found { object, complete: true } => assert_eq!(shown(&object), shown(&attached)),
        other => panic!("{other:?}"),
    }
    let other = json!({"target_group_arn": text(&addresses, "arn"), "target_id": "10.30.1.10", "port": 8080});
    let both = [attached, world.create("aws_lb_target_group_attachment", other).await];
    let before = world.calls("DescribeTargetHealth");
    let read = world.read_many("aws_lb_target_group_attachment", &both).await;
    assert_eq!((read.iter().flatten().count(), world.calls("DescribeTargetHealth") - before), (2, 1));
    for attached in &both {
        world.delete("aws_lb_target_group_attachment", attached).await;
    }

    let action = json!([{"type": "forward", "target_group_arn": text(&target, "arn")}]);
    let config = json!({"load_balancer_arn": text(&balancer, "arn"), "port": 6443, "protocol": "TCP",
        "default_action": action, "tags": {"a": "1"}});
    let listener = world.create("aws_lb_listener", config.clone()).await;
    let seen = world.read("aws_lb_target_group", &target).await.expect("is there");
    assert_eq!(shown(&seen)["load_balancer_arns"], json!([text(&balancer, "arn")]));
    let error =
        world.try_create("aws_lb_listener", config.clone(), &unique("token")).await.expect_err("is taken");
    assert_eq!(error.summary, "The port is taken", "{}", error.detail);
    let other = json!([{"type": "forward", "target_group_arn": text(&addresses, "arn")}]);
    let moved = world
        .update("aws_lb_listener", &listener, with(&config, json!({"default_action": other, "port": 7443})))
        .await;
    assert_eq!((shown(&moved)["port"].clone(), text(&moved, "arn")), (json!(7443), text(&listener, "arn")));

    world.delete("aws_lb_listener", &moved).await;
    world.delete("aws_lb_target_group", &addresses).await;
    world.delete("aws_lb_target_group", &target).await;
    world.delete("aws_lb", &balancer).await;
}

#[tokio::test]
async fn what_is_unanswered_is_made_once() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let balancer = json!({"name": short("nlb"), "load_balancer_type": "network", "subnets": place.subnets});
    let kinds = [
        ("aws_lb", "CreateLoadBalancer", balancer.clone(), "DescribeLoadBalancers"),
        ("aws_lb_target_group", "CreateTargetGroup", group(&place), "DescribeTargetGroups"),
    ];
    for (kind, action, config, _) in kinds {
        for fault in ["cut", "after", "before"] {
            world.stern("POST faults", json!({"kind": fault, "action": action}));
            let token = unique("token");
            let made = world.try_create(kind, config.clone(), &token).await;
            let made = made.unwrap_or_else(|e| panic!("{kind} {fault}: {}: {}", e.summary, e.detail));
            match world.recover(kind, config.clone(), &token).await {
                Recovered::Found { object, complete: true } => {
                    assert_eq!(shown(&object)["id"], shown(&made)["id"])
                }
                other => panic!("{kind} {fault}: {other:?}"),
            }
            world.delete(kind, &made).await;
        }
    }
    let (balancer, target) =
        (world.create("aws_lb", balancer).await, world.create("aws_lb_target_group", group(&place)).await);
    let action = json!([{"type": "forward", "target_group_arn": text(&target, "arn")}]);
    let config = json!({"load_balancer_arn": text(&balancer, "arn"), "port": 80, "protocol": "TCP", "default_action": action});
    world.stern("POST faults", json!({"kind": "cut", "action": "CreateListener"}));
    let token = unique("token");
    let made = world.try_create("aws_lb_listener", config.clone(), &token).await.expect("tries again");
    match world.recover("aws_lb_listener", config, &token).await {
        Recovered::Found { object, complete: true } => assert_eq!(shown(&object)["id"], shown(&made)["id"]),
        other => panic!("{other:?}"),
    }
    let gone = [("aws_lb_listener", &made), ("aws_lb_target_group", &target), ("aws_lb", &balancer)];
    for (kind, object) in gone {
        world.delete(kind, object).await;
    }
}

#[tokio::test]
async fn one_that_is_gone_does_not_hide_the_others() {
    let Some(world) = world().await else { return };
    let place = place(&world).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(world.create("aws_lb_target_group", group(&place)).await);
    }
    let before = world.calls("DescribeTargetGroups");
    assert!(world.read_many("aws_lb_target_group", &all).await.iter().all(Option::is_some));
    assert_eq!(world.calls("DescribeTargetGroups") - before, 1);
    world.delete("aws_lb_target_group", &all[1]).await;
    let read = world.read_many("aws_lb_target_group", &all).await;
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
}
