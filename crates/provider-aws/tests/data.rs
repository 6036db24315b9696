//! Data sources, read through the provider's traits from the stern cloud.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test reads its environment and prints"
)]

mod common;

use common::world;
use formwork_value::{Value, json};
use serde_json::json;

fn shown(value: &Value) -> serde_json::Value {
    json::to_serde(value)
}

#[tokio::test]
async fn images() {
    let Some(world) = world().await else { return };
    let filter = json!([{"name": "name", "values": ["al2023-ami-2023*"]}, {"name": "architecture", "values": ["x86_64"]}]);
    let asked =
        json!({"most_recent": true, "owners": ["amazon"], "filter": filter, "name_regex": "kernel-6"});
    let found = shown(&world.data("aws_ami", asked).await.expect("an image"));
    assert_eq!(found["id"], found["image_id"]);
    assert_eq!((&found["architecture"], &found["root_device_type"]), (&json!("x86_64"), &json!("ebs")));
    assert!(found["name"].as_str().is_some_and(|name| name.contains("kernel-6")));

    let many = json!({"owners": ["amazon"], "filter": [{"name": "architecture", "values": ["x86_64"]}]});
    let error = world.data("aws_ami", many).await.expect_err("there are many");
    assert_eq!(error.summary, "More than one image was found");
    let none = json!({"owners": ["amazon"], "filter": [{"name": "name", "values": ["no such image"]}]});
    let error = world.data("aws_ami", none).await.expect_err("there is none");
    assert_eq!(error.summary, "No image was found");
}

#[tokio::test]
async fn zones() {
    let Some(world) = world().await else { return };
    let all =
        shown(&world.data("aws_availability_zones", json!({"state": "available"})).await.expect("zones"));
    assert_eq!(all["names"][0], json!("us-east-1a"));
    assert_eq!(all["id"], json!("us-east-1"));
    let some =
        world.data("aws_availability_zones", json!({"exclude_names": ["us-east-1a"]})).await.expect("zones");
    let some = shown(&some);
    assert_eq!(some["names"][0], json!("us-east-1b"));
    let count = |zones: &serde_json::Value, name: &str| zones[name].as_array().map(Vec::len);
    assert_eq!(count(&some, "names").map(|n| n + 1), count(&all, "names"));
    assert_eq!(count(&some, "zone_ids"), count(&some, "names"));
}

#[tokio::test]
async fn identity_and_region() {
    let Some(world) = world().await else { return };
    let who = shown(&world.data("aws_caller_identity", json!({})).await.expect("an identity"));
    assert_eq!(who["account_id"].as_str().map(str::len), Some(12));
    assert_eq!(who["id"], who["account_id"]);
    let here = shown(&world.data("aws_region", json!({})).await.expect("a region"));
    let wanted = json!({"id": "us-east-1", "name": "us-east-1", "region": "us-east-1",
        "endpoint": "ec2.us-east-1.amazonaws.com", "description": "US East (N. Virginia)"});
    assert_eq!(here, wanted);
    // The same is what intents say, so that nobody looks elsewhere for what was interrupted.
    let reached = shown(&world.provider.reached(&world.client).await);
    assert_eq!(reached, json!({"account": who["account_id"], "region": "us-east-1"}));
}
