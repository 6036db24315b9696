//! `aws_key_pair`.

use super::common;
use crate::client::Context;
use crate::error::{failed, is};
use crate::planned::imported;
use crate::resource::{AwsType, Place, Stage, Wanted, place};
use crate::tags::{self, TOKEN, Tags};
use async_trait::async_trait;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType, Tag};
use formwork_provider::{CallError, Computed, Model, PlanRequest, PlanResponse, Resource, default_plan};
use formwork_value::Value;

/// A public key that instances can be given, so that whoever has the private key can log in.
#[derive(Clone, Resource)]
#[resource(name = "aws_key_pair", version = 1, id = key_name)]
pub(super) struct KeyPair {
    /// Name of the key pair, unique in the region. If not set, one is made up.
    #[attr(optional, replace)]
    key_name: Computed<String>,
    /// Beginning of the name that is made up. Conflicts with `key_name`.
    #[attr(optional, replace)]
    key_name_prefix: Computed<String>,
    /// The public key, in OpenSSH's format. White space around it does not count.
    #[attr(replace)]
    public_key: String,
    /// Tags, over the provider's `default_tags`.
    tags: Option<Tags>,
    /// All tags, with those of the provider's `default_tags`.
    tags_all: Computed<Tags>,
    /// ARN of the key pair.
    arn: Computed<String>,
    /// Fingerprint of the key, as RFC 4716 (section 4) describes it.
    fingerprint: Computed<String>,
    /// ID that AWS gave the key pair, such as `key-0123456789abcdef0`.
    key_pair_id: Computed<String>,
    /// `rsa` or `ed25519`.
    key_type: Computed<String>,
}

impl KeyPair {
    fn name(&self, cx: &Context<'_>) -> String {
        common::name(&self.key_name, &self.key_name_prefix, "terraform-", cx.token)
    }
}

#[async_trait]
impl AwsType for KeyPair {
    type Found = KeyPairInfo;
    const IDEMPOTENT: bool = true;
    const LAGS: bool = false;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<KeyPairInfo>, CallError> {
        let names = match wanted {
            Wanted::Ids(names) => names,
            Wanted::Made(wanted) => vec![wanted.name(cx)],
        };
        let call = cx.client.ec2.describe_key_pairs().include_public_key(true);
        let answer = call.filters(tags::filter("key-name", names)).send().await;
        Ok(answer.map_err(|e| failed("The key pair could not be read", e))?.key_pairs.unwrap_or_default())
    }

    fn found_id(found: &KeyPairInfo) -> Option<&str> {
        found.key_name()
    }

    /// Another key pair that has come to have the name is not this one.
    fn stage(&self, found: &KeyPairInfo) -> Stage {
        let other = self.key_pair_id.get().is_some_and(|id| found.key_pair_id() != Some(id));
        if other { Stage::Gone } else { Stage::There }
    }

    fn is_made(&self, found: &KeyPairInfo, cx: &Context<'_>) -> bool {
        let ours = |tag: &Tag| tag.key() == Some(TOKEN) && tag.value() == Some(cx.token);
        found.tags().iter().any(ours)
    }

    async fn filled(&self, found: &KeyPairInfo, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let (own, all) = tags::seen(cx, &self.tags, found.tags());
        let resource = format!("key-pair/{}", found.key_name().unwrap_or_default());
        // AWS puts the name where the comment was: the key is the same.
        let public_key = match &self.public_key {
            none if none.is_empty() => found.public_key().unwrap_or_default().trim().to_owned(),
            known => known.clone(),
        };
        Ok(Some(KeyPair {
            key_name: found.key_name.clone().into(),
            key_name_prefix: self.key_name_prefix.or_choose(String::new),
            public_key,
            tags: own,
            tags_all: all.into(),
            arn: cx.client.arn("ec2", &cx.client.account().await?, &resource).into(),
            fingerprint: found.key_fingerprint.clone().into(),
            key_pair_id: found.key_pair_id.clone().into(),
            key_type: found.key_type().map(|kind| kind.as_str().to_owned()).into(),
        }))
    }

    /// The key stays, where only white space around it is another.
    fn plan(request: &PlanRequest<'_>, plan: PlanResponse) -> PlanResponse {
        let key = |value: &Value| value.get("public_key").cloned();
        let before = request.prior.and_then(|prior| key(&prior.value));
        let (Some(before), Some(after)) = (before, key(request.config)) else { return plan };
        if after == before || after.as_str().map(str::trim) != before.as_str().map(str::trim) {
            return plan;
        }
        let mut config = request.config.as_map().cloned().unwrap_or_default();
        config.insert("public_key".into(), before);
        let config = Value::from(config);
        default_plan(&Self::schema(), &PlanRequest { config: &config, ..*request })
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        const WHAT: &str = "The key pair could not be imported";
        let name = self.name(cx);
        let call = cx.client.ec2.import_key_pair().key_name(&name);
        let call = call.public_key_material(Blob::new(self.public_key.trim()));
        let call = call.tag_specifications(tags::specification(ResourceType::KeyPair, &self.tags, cx));
        match call.send().await {
            Ok(made) => {
                Ok(KeyPair { key_name: name.into(), key_pair_id: made.key_pair_id.into(), ..self.clone() })
            }
            Err(error) if is(&error, &["InvalidKeyPair.Duplicate"]) => match place(self, cx).await? {
                Place::Made(made) => Ok(made),
                Place::Taken => Err(common::taken("key pair", &name)),
                // It is there, and cannot be seen yet: perhaps it is ours.
                Place::Free => Err(common::passing(failed(WHAT, error))),
            },
            Err(error) => Err(failed(WHAT, error)),
        }
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let call = cx.client.ec2.delete_key_pair().set_key_name(self.key_name.get().cloned());
        call.send().await.map_err(|e| failed("The key pair could not be deleted", e))?;
        Ok(())
    }

    fn tagged_id(&self) -> String {
        self.key_pair_id.get().cloned().unwrap_or_default()
    }

    async fn import(id: &str, _cx: &Context<'_>) -> Result<Self, CallError> {
        imported(&[("key_name", Value::string(id))])
    }
}
