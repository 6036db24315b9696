//! The network types, driven through the provider's traits against the stern cloud.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test reads its environment and prints"
)]

mod common;

use common::{Json, World, shown, text, unique, world, world_with};
use formwork_provider::{Object, Operation, Recovered, Retry};
use serde_json::json;

async fn vpc(world: &World, cidr: &str) -> Object {
    world.create("aws_vpc", json!({"cidr_block": cidr})).await
}

#[tokio::test]
async fn vpc_lives() {
    let Some(world) = world().await else { return };
    let config = json!({"cidr_block": "10.1.0.0/16", "enable_dns_hostnames": true, "tags": {"Name": "a"}});
    let made = world.create("aws_vpc", config.clone()).await;
    let seen = shown(&made);
    assert!(text(&made, "id").starts_with("vpc-"));
    let arn = format!("arn:aws:ec2:us-east-1:{}:vpc/{}", text(&made, "owner_id"), text(&made, "id"));
    assert_eq!(seen["arn"], arn);
    assert_eq!((&seen["enable_dns_hostnames"], &seen["enable_dns_support"]), (&json!(true), &json!(true)));
    assert_eq!((&seen["tags"], &seen["tags_all"]), (&json!({"Name": "a"}), &json!({"Name": "a"})));
    let computed = [
        ("default_security_group_id", "sg-"),
        ("default_network_acl_id", "acl-"),
        ("default_route_table_id", "rtb-"),
        ("main_route_table_id", "rtb-"),
        ("dhcp_options_id", ""),
    ];
    for (name, start) in computed {
        assert!(seen[name].is_null() && start.is_empty() || text(&made, name).starts_with(start), "{name}");
    }
    // The identity was recorded before anything else, and only once.
    let recorded = world.recorded.lock().expect("recorded").clone();
    assert_eq!(recorded.len(), 1);
    assert_eq!(text(&recorded[0], "id"), text(&made, "id"));

    let changed = json!({"cidr_block": "10.1.0.0/16", "enable_dns_hostnames": false, "enable_dns_support": false,
        "tags": {"Name": "b", "x": "1"}});
    let changed = world.update("aws_vpc", &made, changed).await;
    assert_eq!(shown(&changed)["enable_dns_support"], json!(false));
    assert_eq!(shown(&changed)["tags_all"], json!({"Name": "b", "x": "1"}));
    let untagged = world.update("aws_vpc", &changed, json!({"cidr_block": "10.1.0.0/16"})).await;
    assert_eq!(shown(&untagged)["tags"], Json::Null);

    let other = world.plan("aws_vpc", Some(&made), json!({"cidr_block": "10.2.0.0/16"})).await;
    assert_eq!(other.replace.len(), 1);
    let dedicated = json!({"cidr_block": "10.1.0.0/16", "instance_tenancy": "dedicated"});
    let dedicated = world.plan("aws_vpc", Some(&made), dedicated).await;
    assert_eq!(dedicated.replace[0].first_attr(), Some("instance_tenancy"));
    assert!(!dedicated.planned.get("id").expect("an id").is_known());

    let imported = world.import("aws_vpc", &text(&made, "id")).await;
    assert_eq!(shown(&imported)["cidr_block"], "10.1.0.0/16");
    world.delete("aws_vpc", &untagged).await;
}

#[tokio::test]
async fn tags_follow_the_provider_block() {
    let block = json!({
        "default_tags": [{"tags": {"team": "pay", "env": "test"}}],
        "ignore_tags": [{"keys": ["cost"], "key_prefixes": ["kubernetes.io/"]}],
    });
    let Some(world) = world_with(block).await else { return };
    let config = json!({"cidr_block": "10.3.0.0/16", "tags": {"Name": "a", "env": "prod"}});
    let made = world.create("aws_vpc", config.clone()).await;
    assert_eq!(shown(&made)["tags"], json!({"Name": "a", "env": "prod"}));
    assert_eq!(shown(&made)["tags_all"], json!({"Name": "a", "env": "prod", "team": "pay"}));

    // What others put there is not seen if it is to be ignored, and drift if not.
    tag(&world, &text(&made, "id"), &[("cost", "1"), ("kubernetes.io/x", "1")]);
    world.unchanged("aws_vpc", &world.read("aws_vpc", &made).await.expect("there"), config.clone()).await;
    tag(&world, &text(&made, "id"), &[("stray", "1")]);
    let drifted = world.read("aws_vpc", &made).await.expect("there");
    assert_eq!(shown(&drifted)["tags_all"]["stray"], "1");
    let mended = world.update("aws_vpc", &drifted, config).await;
    assert_eq!(shown(&mended)["tags_all"], shown(&made)["tags_all"]);
    world.delete("aws_vpc", &mended).await;
}

/// Tags something behind the provider's back.
fn tag(world: &World, id: &str, tags: &[(&str, &str)]) {
    let mut body = format!("Action=CreateTags&Version=2016-11-15&ResourceId.1={id}");
    for (n, (key, value)) in tags.iter().enumerate() {
        body.push_str(&format!("&Tag.{0}.Key={key}&Tag.{0}.Value={value}", n + 1));
    }
    ec2(world, &body);
}

/// One call of EC2's API behind the provider's back.
fn ec2(world: &World, body: &str) -> String {
    world.http_as("ec2", body)
}

#[tokio::test]
async fn subnet_lives() {
    let Some(world) = world().await else { return };
    let vpc = vpc(&world, "10.4.0.0/16").await;
    let config = |public: bool| {
        json!({"vpc_id": text(&vpc, "id"), "cidr_block": "10.4.1.0/24", "availability_zone": "us-east-1b",
            "map_public_ip_on_launch": public, "tags": {"Name": "s"}})
    };
    let made = world.create("aws_subnet", config(true)).await;
    assert_eq!(shown(&made)["map_public_ip_on_launch"], json!(true));
    assert!(!text(&made, "availability_zone_id").is_empty());
    let changed = world.update("aws_subnet", &made, config(false)).await;
    assert_eq!(shown(&changed)["map_public_ip_on_launch"], json!(false));

    // Many are read with one call, and those that are gone do not get in the way.
    let second = json!({"vpc_id": text(&vpc, "id"), "cidr_block": "10.4.2.0/24"});
    let second = world.create("aws_subnet", second).await;
    world.delete("aws_subnet", &second).await;
    let before = world.calls("DescribeSubnets");
    let read = world.read_many("aws_subnet", &[changed.clone(), second, changed.clone()]).await;
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(world.calls("DescribeSubnets") - before, 1);

    // IPv6 addresses are seen again.
    let wide = json!({"cidr_block": "10.44.0.0/16", "assign_generated_ipv6_cidr_block": true});
    let wide = world.create("aws_vpc", wide).await;
    let range = text(&wide, "ipv6_cidr_block").replace("::/56", "::/64");
    let six = json!({"vpc_id": text(&wide, "id"), "cidr_block": "10.44.1.0/24", "ipv6_cidr_block": range});
    let six = world.create("aws_subnet", six).await;
    assert_eq!(text(&six, "ipv6_cidr_block"), range);
    world.delete("aws_subnet", &six).await;
    world.delete("aws_vpc", &wide).await;

    let wrong = json!({"vpc_id": "vpc-1", "cidr_block": "10.4.1.1/24"});
    let resource = world.resource("aws_subnet");
    let problems = resource.validate(&common::value(&resource.schema().block, &wrong));
    assert!(problems[0].detail.contains("Write 10.4.1.0/24."), "{problems:?}");
    world.delete("aws_subnet", &changed).await;
    world.delete("aws_vpc", &vpc).await;
}

#[tokio::test]
async fn routes_lead_out() {
    let Some(world) = world().await else { return };
    let (vpc, other) = (vpc(&world, "10.5.0.0/16").await, vpc(&world, "10.55.0.0/16").await);
    let id = text(&vpc, "id");
    let gateway = world.create("aws_internet_gateway", json!({"vpc_id": id, "tags": {"Name": "g"}})).await;
    assert_eq!(text(&gateway, "vpc_id"), id);
    let subnet = json!({"vpc_id": id, "cidr_block": "10.5.1.0/24"});
    let subnet = world.create("aws_subnet", subnet).await;

    let config = |cidrs: &[&str]| {
        let routes: Vec<Json> =
            cidrs.iter().map(|c| json!({"cidr_block": c, "gateway_id": text(&gateway, "id")})).collect();
        json!({"vpc_id": id, "route": routes, "tags": {"Name": "t"}})
    };
    let table = world.create("aws_route_table", config(&["0.0.0.0/0", "192.168.0.0/16"])).await;
    assert_eq!(shown(&table)["route"].as_array().map(Vec::len), Some(2));
    let table = world.update("aws_route_table", &table, config(&["0.0.0.0/0", "172.16.0.0/12"])).await;
    // A table that says nothing on routes keeps them.
    let silent = json!({"vpc_id": id, "tags": {"Name": "t"}});
    world.unchanged("aws_route_table", &table, silent).await;
    let table = world.update("aws_route_table", &table, config(&[])).await;
    assert_eq!(shown(&table)["route"], json!([]));
    // A route that vanished is drift, and comes back.
    let table = world.update("aws_route_table", &table, config(&["0.0.0.0/0"])).await;
    let gone = format!(
        "Action=DeleteRoute&Version=2016-11-15&RouteTableId={}&DestinationCidrBlock=0.0.0.0%2F0",
        text(&table, "id")
    );
    ec2(&world, &gone);
    let drifted = world.read("aws_route_table", &table).await.expect("there");
    assert_eq!(shown(&drifted)["route"], json!([]));
    let table = world.update("aws_route_table", &drifted, config(&["0.0.0.0/0"])).await;
    // The VPC's own route may be written down, and stays where it is not.
    let own = json!({"vpc_id": id, "tags": {"Name": "t"}, "route": [
        {"cidr_block": "0.0.0.0/0", "gateway_id": text(&gateway, "id")},
        {"cidr_block": "10.5.0.0/16", "gateway_id": "local"},
    ]});
    let table = world.update("aws_route_table", &table, own.clone()).await;
    world
        .unchanged("aws_route_table", &world.read("aws_route_table", &table).await.expect("there"), own)
        .await;
    let table = world.update("aws_route_table", &table, config(&["0.0.0.0/0"])).await;

    let second = world.create("aws_route_table", json!({"vpc_id": id})).await;
    let config =
        |table: &Object| json!({"subnet_id": text(&subnet, "id"), "route_table_id": text(table, "id")});
    let made = world.create("aws_route_table_association", config(&table)).await;
    let moved = world.update("aws_route_table_association", &made, config(&second)).await;
    assert_ne!(text(&made, "id"), text(&moved, "id"));
    // The id that was known before still leads to the association: nothing is lost if the answer was.
    let found = world.read("aws_route_table_association", &made).await.expect("found by its subnet");
    assert_eq!(shown(&found), shown(&moved));
    let import = format!("{}/{}", text(&subnet, "id"), text(&second, "id"));
    assert_eq!(shown(&world.import("aws_route_table_association", &import).await), shown(&moved));
    world.delete("aws_route_table_association", &moved).await;

    let away = world.update(
        "aws_internet_gateway",
        &gateway,
        json!({"vpc_id": text(&other, "id"), "tags": {"Name": "g"}}),
    );
    let away = away.await;
    assert_eq!(text(&away, "vpc_id"), text(&other, "id"));
    for (kind, object) in [
        ("aws_route_table", &table),
        ("aws_route_table", &second),
        ("aws_internet_gateway", &away),
        ("aws_subnet", &subnet),
        ("aws_vpc", &vpc),
        ("aws_vpc", &other),
    ] {
        world.delete(kind, object).await;
    }
}

#[tokio::test]
async fn security_groups_hold_what_is_written() {
    let Some(world) = world().await else { return };
    let vpc = vpc(&world, "10.6.0.0/16").await;
    let bare = world.create("aws_security_group", json!({"vpc_id": text(&vpc, "id")})).await;
    // AWS would let everything out.
    assert_eq!(shown(&bare)["egress"], json!([]));
    assert!(text(&bare, "name").starts_with("terraform-"));
    assert_eq!(text(&bare, "description"), "Managed by Terraform");

    let config = |port: u16, ingress: bool| {
        let all = json!({"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]});
        let web = json!({"protocol": "tcp", "from_port": port, "to_port": port, "description": "web",
            "cidr_blocks": ["10.0.0.0/8", "192.168.0.0/16"], "self": true,
            "security_groups": [text(&bare, "id")]});
        let rules = if ingress { json!([web]) } else { json!([]) };
        json!({"name_prefix": "web-", "vpc_id": text(&vpc, "id"), "ingress": rules, "egress": [all]})
    };
    let made = world.create("aws_security_group", config(80, true)).await;
    assert!(text(&made, "name").starts_with("web-"), "{}", text(&made, "name"));
    assert_eq!(text(&made, "name_prefix"), "web-");
    assert_eq!(shown(&made)["egress"][0]["cidr_blocks"], json!(["0.0.0.0/0"]));
    assert_eq!(shown(&made)["ingress"].as_array().map(Vec::len), Some(1));
    let changed = world.update("aws_security_group", &made, config(443, true)).await;
    assert_eq!(shown(&changed)["ingress"][0]["from_port"], json!(443));

    // A rule that was taken away behind the provider's back shows, and comes back.
    let gone = format!(
        "Action=RevokeSecurityGroupIngress&Version=2016-11-15&GroupId={}&IpPermissions.1.IpProtocol=tcp\
         &IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443\
         &IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0%2F8&IpPermissions.1.IpRanges.1.Description=web",
        text(&made, "id")
    );
    ec2(&world, &gone);
    let drifted = world.read("aws_security_group", &changed).await.expect("there");
    assert_eq!(shown(&drifted)["ingress"][0]["cidr_blocks"], json!(["192.168.0.0/16"]));
    let mended = world.update("aws_security_group", &drifted, config(443, true)).await;
    assert_eq!(shown(&mended), shown(&changed));

    // The bare group cannot go while a rule of the other names it: `revoke_rules_on_delete` takes that rule away.
    let insists = json!({"vpc_id": text(&vpc, "id"), "revoke_rules_on_delete": true});
    let bare = world.update("aws_security_group", &bare, insists).await;
    world.delete("aws_security_group", &bare).await;
    world.delete("aws_security_group", &mended).await;
    world.delete("aws_vpc", &vpc).await;
}

#[tokio::test]
async fn rules_live() {
    let Some(world) = world().await else { return };
    let vpc = vpc(&world, "10.7.0.0/16").await;
    let group =
        world.create("aws_security_group", json!({"name": "rules", "vpc_id": text(&vpc, "id")})).await;
    let id = text(&group, "id");
    for kind in ["aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"] {
        let config = |to: u16| {
            json!({"security_group_id": id, "ip_protocol": "tcp", "from_port": 80, "to_port": to,
                "cidr_ipv4": "10.0.0.0/8", "description": "web", "tags": {"Name": "r"}})
        };
        let made = world.create(kind, config(80)).await;
        assert_eq!(text(&made, "id"), text(&made, "security_group_rule_id"));
        let changed = world.update(kind, &made, config(90)).await;
        assert_eq!((text(&changed, "id"), &shown(&changed)["to_port"]), (text(&made, "id"), &json!(90)));
        let all = json!({"security_group_id": id, "ip_protocol": "-1", "cidr_ipv4": "0.0.0.0/0"});
        let all = world.create(kind, all).await;
        assert_eq!(shown(&all)["from_port"], Json::Null);
        let group_rule = json!({"security_group_id": id, "ip_protocol": "udp", "from_port": 53, "to_port": 53,
            "referenced_security_group_id": id});
        let plan = world.plan(kind, Some(&changed), group_rule.clone()).await;
        let mut why: Vec<_> = plan.replace.iter().filter_map(|path| path.first_attr()).collect();
        why.sort_unstable();
        assert_eq!(why, ["cidr_ipv4", "referenced_security_group_id"]);
        let group_rule = world.create(kind, group_rule).await;
        assert_eq!(text(&group_rule, "referenced_security_group_id"), id);
        let read = world.read_many(kind, &[changed.clone(), all.clone(), group_rule.clone()]).await;
        assert!(read.iter().all(Option::is_some));
        for rule in [&changed, &all, &group_rule] {
            world.delete(kind, rule).await;
        }
    }
    world.delete("aws_security_group", &group).await;
    world.delete("aws_vpc", &vpc).await;
}

/// Whatever the answer to a create is worth, exactly one object is found afterwards if it was made, and none if not.
#[tokio::test]
async fn lost_answers_lose_nothing() {
    let Some(world) = world().await else { return };
    let vpc = vpc(&world, "10.8.0.0/16").await;
    let id = text(&vpc, "id");
    let subnet = world.create("aws_subnet", json!({"vpc_id": id, "cidr_block": "10.8.200.0/24"})).await;
    let table = world.create("aws_route_table", json!({"vpc_id": id})).await;
    let group = world.create("aws_security_group", json!({"name": "lost", "vpc_id": id})).await;
    let rule = json!({"security_group_id": text(&group, "id"), "ip_protocol": "tcp", "from_port": 1, "to_port": 1,
        "cidr_ipv4": "10.0.0.0/8"});
    let association = json!({"subnet_id": text(&subnet, "id"), "route_table_id": text(&table, "id")});
    let cases = [
        ("aws_vpc", json!({"cidr_block": "10.9.0.0/16", "enable_dns_hostnames": true}), "CreateVpc"),
        ("aws_subnet", json!({"vpc_id": id, "cidr_block": "10.8.1.0/24"}), "CreateSubnet"),
        ("aws_internet_gateway", json!({"vpc_id": id}), "CreateInternetGateway"),
        ("aws_security_group", json!({"name": "gone", "vpc_id": id}), "CreateSecurityGroup"),
        ("aws_vpc_security_group_ingress_rule", rule.clone(), "AuthorizeSecurityGroupIngress"),
        ("aws_vpc_security_group_egress_rule", rule, "AuthorizeSecurityGroupEgress"),
        ("aws_route_table_association", association, "AssociateRouteTable"),
    ];
    for (kind, config, action) in cases {
        for fault in ["cut", "after"] {
            let found = world.interrupted(kind, config.clone(), action, fault).await;
            let found = found.unwrap_or_else(|| panic!("{kind}: what was made is found after {fault}"));
            // It is what was asked for, down to what is done by later calls.
            world.unchanged(kind, &found, config.clone()).await;
            world.delete(kind, &found).await;
        }
        let found = world.interrupted(kind, config.clone(), action, "before").await;
        assert!(found.is_none(), "{kind}: nothing was made");
    }
    for (kind, object) in [
        ("aws_security_group", &group),
        ("aws_route_table", &table),
        ("aws_subnet", &subnet),
        ("aws_vpc", &vpc),
    ] {
        world.delete(kind, object).await;
    }
}

/// A create with a token is simply made again, and there is one table.
#[tokio::test]
async fn tokens_make_creates_repeatable() {
    let Some(world) = world().await else { return };
    let vpc = vpc(&world, "10.10.0.0/16").await;
    let config = json!({"vpc_id": text(&vpc, "id")});
    for fault in ["before", "after", "cut"] {
        world.stern("POST faults", json!({"kind": fault, "action": "CreateRouteTable"}));
        let table = world.create("aws_route_table", config.clone()).await;
        world.delete("aws_route_table", &table).await;
    }
    // The VPC has no other table than its own: it can go.
    world.delete("aws_vpc", &vpc).await;
}

/// A create that stops between its calls is gone on with.
#[tokio::test]
async fn creates_of_several_calls_are_finished() {
    let Some(world) = world().await else { return };
    let vpc = vpc(&world, "10.11.0.0/16").await;
    let kind = "aws_internet_gateway";
    let config = json!({"vpc_id": text(&vpc, "id")});
    let token = unique("token");
    // The gateway was made and recorded, and not attached.
    let bare = world.try_create(kind, json!({}), &token).await.expect("made");
    assert_eq!(shown(&bare)["vpc_id"], Json::Null);
    let arguments = world.plan(kind, None, config.clone()).await.planned;
    let arguments = arguments.map_deep(&mut |v| {
        if v.is_known() { v } else { formwork_value::Value::null(v.ty()) }
    });
    let interrupted = formwork_provider::Interrupted {
        operation: Operation::Create,
        token: token.as_str().into(),
        arguments,
        prior: Some(bare),
    };
    let resource = world.resource(kind);
    let found = world.call(&token, async |call| resource.recover(call, &interrupted).await).await;
    let Ok(Recovered::Found { object, complete: true }) = found else {
        panic!("found and complete: {found:?}")
    };
    assert_eq!(text(&object, "vpc_id"), text(&vpc, "id"));
    world.delete(kind, &object).await;
    world.delete("aws_vpc", &vpc).await;
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let Some(world) = world().await else { return };
    world.stern("POST traits", json!({"throttle": {"rate": 4, "burst": 3}}));
    let made = vpc(&world, "10.12.0.0/16").await;
    world.delete("aws_vpc", &made).await;
    let log = world.stern("GET log?since=0", json!({}));
    let throttled = log.as_array().expect("lines").iter().any(|l| l["code"] == "RequestLimitExceeded");
    assert!(throttled, "it was throttled");
}

/// What is in use is tried again until it is not.
#[tokio::test]
async fn deletes_wait_for_what_is_in_use() {
    let Some(world) = world().await else { return };
    let vpc = vpc(&world, "10.13.0.0/16").await;
    let subnet =
        world.create("aws_subnet", json!({"vpc_id": text(&vpc, "id"), "cidr_block": "10.13.1.0/24"})).await;
    let free = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let body = format!("Action=DeleteSubnet&Version=2016-11-15&SubnetId={}", text(&subnet, "id"));
        ec2(&world, &body);
    };
    let ((), ()) = tokio::join!(world.delete("aws_vpc", &vpc), free);
    assert!(world.calls("DeleteVpc") > 1);
}

#[tokio::test]
async fn failures_are_told() {
    let Some(world) = world().await else { return };
    // What the service refuses is refused at once, without effect, in its words.
    let subnet = json!({"vpc_id": "vpc-00000000000000000", "cidr_block": "10.0.0.0/24"});
    let error = world.try_create("aws_subnet", subnet, "t").await.expect_err("there is no such VPC");
    assert_eq!((error.retry, error.no_effect), (Retry::Never, true));
    assert_eq!(error.summary, "The subnet could not be created");
    assert!(error.detail.contains("InvalidVpcID.NotFound"), "{}", error.detail);
    drop(world);

    // Nobody listens: said with the address, and what to do.
    let endpoint = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", free.local_addr().expect("an address"))
    };
    let Some(world) = world_with(json!({"endpoints": [{"ec2": endpoint}]})).await else { return };
    let resource = world.resource("aws_vpc");
    let prior = common::value(
        &resource.schema().block,
        &json!({"id": "vpc-1", "instance_tenancy": "default",
        "enable_dns_support": true, "cidr_block": "10.0.0.0/16"}),
    );
    let read = async { world.call("", async |call| resource.read(call, &Object::new(prior)).await).await };
    // It is worth trying again for a while; nobody waits for that here.
    let waited = tokio::time::timeout(std::time::Duration::from_secs(1), read).await;
    assert!(waited.is_err(), "an endpoint that is away may come back");
}

#[tokio::test]
async fn configurations_are_checked() {
    let provider = formwork_aws();
    let check = async |block: Json, wanted: &str| {
        let config = common::value(&provider.schema().block, &block);
        let error = provider.configure(&config).await.err().unwrap_or_else(|| panic!("{block} is wrong"));
        assert!(error.detail.contains(wanted), "{}", error.detail);
        assert!(!error.detail.contains("hunter2"), "no secrets in messages");
    };
    check(json!({"region": "us-east1"}), "skip_region_validation").await;
    check(json!({"region": "us-east-1", "secret_key": "hunter2"}), "access_key is not").await;
    let both = json!({"region": "us-east-1", "allowed_account_ids": ["1"], "forbidden_account_ids": ["2"]});
    check(both, "Keep one of them").await;
    let identity =
        json!({"region": "us-east-1", "access_key": "a", "secret_key": "hunter2", "token": "hunter2"});
    let identity = provider.identity(&common::value(&provider.schema().block, &identity));
    assert_eq!(identity.get("region"), Some(&formwork_value::Value::string("us-east-1")));
    assert!(!format!("{identity:?}").contains("hunter2"));
}

fn formwork_aws() -> std::sync::Arc<dyn formwork_provider::Provider> {
    formwork_provider_aws::provider()
}

#[tokio::test]
async fn accounts_are_checked() {
    let Some(world) = world_with(json!({"allowed_account_ids": ["123456789012"]})).await else { return };
    let endpoint = json!([{"ec2": world.endpoint, "sts": world.endpoint}]);
    let block = json!({"region": "us-east-1", "access_key": "test", "secret_key": "test", "endpoints": endpoint,
        "forbidden_account_ids": ["123456789012"]});
    let config = common::value(&world.provider.schema().block, &block);
    let error = world.provider.configure(&config).await.expect_err("forbidden");
    assert_eq!(error.summary, "AWS account not allowed");
    assert!(error.detail.contains("123456789012"), "{}", error.detail);
}
