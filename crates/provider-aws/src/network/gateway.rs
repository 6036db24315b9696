//! `aws_internet_gateway`.

use crate::client::{Aws, Context};
use crate::described::{Described, Filtered, PAGE, delete_within, found, listed, many, one};
use crate::error::{failed, is, lagging};
use crate::planned::named;
use crate::tags::{self, Tags, filter, plan_tags, seen, specification};
use crate::timeouts::{self, Timeouts};
use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, InternetGateway as Found, ResourceType};
use formwork_provider::{CallError, Computed, Crud, PlanRequest, PlanResponse, Problem, Resource};
use formwork_value::Value;
use std::time::Duration;

const GONE: [&str; 1] = ["InvalidInternetGatewayID.NotFound"];

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
    fn id(&self) -> &str {
        self.id.get().map_or("", String::as_str)
    }

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
        let call = cx.client.ec2.detach_internet_gateway().internet_gateway_id(self.id()).vpc_id(vpc);
        let patience = timeouts::for_delete(&self.timeouts);
        let absent = ["Gateway.NotAttached", GONE[0], "InvalidVpcID.NotFound"];
        let what = "The internet gateway could not be detached from the VPC";
        delete_within(cx, what, patience, &absent, || call.clone().send()).await
    }
}

fn attached(found: &Found) -> Option<&str> {
    found.attachments().first().and_then(|attachment| attachment.vpc_id())
}

#[async_trait]
impl Filtered for InternetGateway {
    async fn filtered(filter: Filter, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let pages =
            cx.client.ec2.describe_internet_gateways().filters(filter).into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.map_err(|e| failed("Internet gateways could not be listed", e))
    }
}

#[async_trait]
impl Described for InternetGateway {
    type Found = Found;

    async fn describe(ids: Vec<String>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        Self::filtered(filter("internet-gateway-id", ids), cx).await
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.internet_gateway_id()
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
}

#[async_trait]
impl Crud for InternetGateway {
    type Client = Aws;
    const PLANS: bool = true;
    const PAGE: usize = PAGE;
    const PATIENCE: Duration = Duration::from_secs(5 * 60);

    fn quiet(cx: &Context<'_>) -> Duration {
        cx.client.settings.recovery_wait
    }

    fn validate(config: &Value) -> Vec<Problem> {
        timeouts::check(config)
    }

    async fn plan(
        cx: &Context<'_>,
        request: &PlanRequest<'_>,
        plan: PlanResponse,
    ) -> Result<PlanResponse, CallError> {
        plan_tags(cx, request, plan)
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let tags = cx.client.settings.all_tags(&self.tags);
        let specification = specification(ResourceType::InternetGateway, cx, &tags);
        let call = cx.client.ec2.create_internet_gateway().tag_specifications(specification);
        let made = call.send().await.map_err(|e| failed("The internet gateway could not be created", e))?;
        let id = made.internet_gateway.and_then(|gateway| gateway.internet_gateway_id);
        Ok(InternetGateway { id: id.into(), ..self.clone() })
    }

    async fn finish(&self, created: &Self, cx: &Context<'_>) -> Result<(), CallError> {
        self.attach(created.id(), cx).await
    }

    async fn ready(&self, cx: &Context<'_>) -> Result<bool, CallError> {
        let found = listed::<Self>(self.id(), cx).await?;
        Ok(found.is_some_and(|f| self.vpc_id.get().is_none_or(|vpc| attached(&f) == Some(vpc))))
    }

    async fn read(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        one(self, cx).await
    }

    async fn read_many(priors: &[Self], cx: &Context<'_>) -> Vec<Result<Option<Self>, CallError>> {
        many(priors, cx).await
    }

    async fn update(&self, prior: &Self, cx: &Context<'_>) -> Result<Self, CallError> {
        if self.vpc_id != prior.vpc_id {
            prior.detach(cx).await?;
            self.attach(self.id(), cx).await?;
        }
        let tags = cx.client.settings.all_tags(&self.tags);
        tags::update(cx, self.id(), prior.tags_all.get().unwrap_or(&Tags::new()), &tags).await?;
        Ok(self.clone())
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        self.detach(cx).await?;
        let call = cx.client.ec2.delete_internet_gateway().internet_gateway_id(self.id());
        let patience = timeouts::for_delete(&self.timeouts);
        let what = "The internet gateway could not be deleted";
        delete_within(cx, what, patience, &GONE, || call.clone().send()).await
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        found(self, cx).await
    }

    async fn import(id: &str, _cx: &Context<'_>) -> Result<Self, CallError> {
        named(id)
    }
}
