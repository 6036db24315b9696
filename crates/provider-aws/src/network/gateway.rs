//! `aws_internet_gateway`.

use crate::client::Context;
use crate::error::{failed, is, lagging};
use crate::resource::{AwsType, Stage, Wanted, delete, listed};
use crate::tags::{Tags, seen, specification};
use crate::timeouts::{self, Timeouts};
use crate::waiting::delete_within;
use async_trait::async_trait;
use aws_sdk_ec2::types::{InternetGateway as Found, ResourceType};
use formwork_provider::{CallError, Computed, Resource};

/// The way from a VPC to the internet. Imported by its id.
#[derive(Clone, Resource)]
#[resource(name = "aws_internet_gateway")]
pub(crate) struct InternetGateway {
    /// The VPC that it is attached to.
    #[attr(optional)]
    vpc_id: Computed<String>,
    /// Tags, values by key.
    tags: Option<Tags>,
    /// All tags, with the provider's default tags.
    tags_all: Computed<Tags>,
    /// ARN of the gateway.
    arn: Computed<String>,
    /// Account that the gateway belongs to.
    owner_id: Computed<String>,
    /// Id of the gateway: `igw-…`.
    id: Computed<String>,
    /// How long operations may take.
    #[block(single)]
    timeouts: Option<Timeouts>,
}

impl InternetGateway {
    /// Attaches the gateway, unless that has happened.
    async fn attach(&self, id: &str, cx: &Context<'_>) -> Result<(), CallError> {
        let Some(vpc) = self.vpc_id.get() else { return Ok(()) };
        let call = cx.client.ec2.attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send().await;
        let Err(error) = call else { return Ok(()) };
        if is(&error, &["Resource.AlreadyAssociated"])
            && listed::<Self>(id, cx).await?.is_some_and(|found| attached(&found) == Some(vpc))
        {
            return Ok(());
        }
        Err(lagging("The internet gateway could not be attached to the VPC", error))
    }

    async fn detach(&self, cx: &Context<'_>) -> Result<(), CallError> {
        let Some(vpc) = self.vpc_id.get() else { return Ok(()) };
        let call = cx.client.ec2.detach_internet_gateway().internet_gateway_id(self.key()).vpc_id(vpc);
        let absent = ["Gateway.NotAttached", "InvalidInternetGatewayID.NotFound", "InvalidVpcID.NotFound"];
        let what = "The internet gateway could not be detached from the VPC";
        delete_within(cx, what, timeouts::for_delete(self), &absent, || call.clone().send()).await
    }
}

fn attached(found: &Found) -> Option<&str> {
    found.attachments().first().and_then(|attachment| attachment.vpc_id())
}

#[async_trait]
impl AwsType for InternetGateway {
    type Found = Found;
    const GONE: &[&str] = &["InvalidInternetGatewayID.NotFound"];
    const TWINS: bool = true;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let filter = wanted.filter("internet-gateway-id", cx);
        let call = cx.client.ec2.describe_internet_gateways().filters(filter).into_paginator().items();
        call.send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| failed("Internet gateways could not be listed", e))
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.internet_gateway_id()
    }

    fn stage(&self, found: &Found) -> Stage {
        let ready = self.vpc_id.get().is_none_or(|vpc| attached(found) == Some(vpc));
        if ready { Stage::There } else { Stage::Coming }
    }

    async fn filled(&self, found: &Found, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let id = found.internet_gateway_id().unwrap_or_default();
        let owner = found.owner_id().unwrap_or_default();
        let (tags, tags_all) = seen(cx, &self.tags, found.tags());
        Ok(Some(InternetGateway {
            vpc_id: attached(found).map(str::to_owned).into(),
            tags,
            tags_all: tags_all.into(),
            arn: cx.client.arn("ec2", owner, &format!("internet-gateway/{id}")).into(),
            owner_id: owner.into(),
            id: id.into(),
            timeouts: self.timeouts.clone(),
        }))
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let specification = specification(ResourceType::InternetGateway, &self.tags, cx);
        let call = cx.client.ec2.create_internet_gateway().tag_specifications(specification);
        let made = call.send().await.map_err(|e| failed("The internet gateway could not be created", e))?;
        let id = made.internet_gateway.and_then(|gateway| gateway.internet_gateway_id);
        Ok(InternetGateway { id: id.into(), ..self.clone() })
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        self.attach(&created.key(), cx).await
    }

    async fn change(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        if self.vpc_id != prior.vpc_id {
            prior.detach(cx).await?;
            self.attach(&self.key(), cx).await?;
        }
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        self.detach(cx).await?;
        let call = cx.client.ec2.delete_internet_gateway().internet_gateway_id(self.key());
        let what = "The internet gateway could not be deleted";
        delete(self, what, cx, || call.clone().send()).await
    }
}
