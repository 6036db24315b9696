//! `aws_eip_association`.

use super::common::passing;
use crate::client::{Aws, Context};
use crate::described::{self, Described};
use crate::error::{absent, failed, is};
use crate::planned::named;
use crate::tags;
use async_trait::async_trait;
use aws_sdk_ec2::types::{Address as Found, Filter};
use formwork_provider::{CallError, Computed, Crud, Resource};
use std::time::Duration;

/// Associates an Elastic IP with an instance or a network interface.
#[derive(Clone, Resource)]
#[resource(name = "aws_eip_association")]
pub(super) struct Association {
    /// Allocation ID of the Elastic IP, such as `eipalloc-0123456789abcdef0`. Either it or `public_ip` is needed.
    #[attr(optional, replace)]
    allocation_id: Computed<String>,
    /// Whether an Elastic IP may be taken from where it is now. If `false`, that is an error.
    #[attr(replace)]
    allow_reassociation: Option<bool>,
    /// ID of the instance. Either it or `network_interface_id` is needed.
    #[attr(optional, replace)]
    instance_id: Computed<String>,
    /// ID of the network interface.
    #[attr(optional, replace)]
    network_interface_id: Computed<String>,
    /// The interface's private address to associate with. If not set, its primary one.
    #[attr(optional, replace)]
    private_ip_address: Computed<String>,
    /// The Elastic IP itself.
    #[attr(optional, replace)]
    public_ip: Computed<String>,
    /// ID of the association, such as `eipassoc-0123456789abcdef0`.
    id: Computed<String>,
}

/// What passes while an instance or address is new.
pub(super) const NOT_YET: [&str; 4] = [
    "InvalidInstanceID",
    "IncorrectInstanceState",
    "InvalidAllocationID.NotFound",
    "InvalidInstanceID.NotFound",
];

#[async_trait]
impl Described for Association {
    type Found = Found;

    async fn describe(ids: Vec<String>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        addresses(tags::filter("association-id", ids), cx).await
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.association_id()
    }

    async fn filled(&self, found: &Found, _cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        Ok(Some(Association {
            allocation_id: found.allocation_id.clone().into(),
            allow_reassociation: self.allow_reassociation,
            instance_id: some(&found.instance_id).into(),
            network_interface_id: some(&found.network_interface_id).into(),
            private_ip_address: found.private_ip_address.clone().into(),
            public_ip: found.public_ip.clone().into(),
            id: found.association_id.clone().into(),
        }))
    }
}

/// Lists the addresses that a filter lets through.
pub(super) async fn addresses(filter: Filter, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
    let call = cx.client.ec2.describe_addresses().filters(filter);
    let answer = call.send().await.map_err(|e| failed("The Elastic IP could not be read", e))?;
    Ok(answer.addresses.unwrap_or_default())
}

/// What an answer says, if that is not nothing at all.
pub(super) fn some(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

/// Takes an address from where it is.
pub(super) async fn disassociate(id: &str, cx: &Context<'_>) -> Result<(), CallError> {
    let answer = cx.client.ec2.disassociate_address().association_id(id).send().await;
    absent(answer, &["InvalidAssociationID.NotFound", "InvalidAddress.NotFound"])
        .map_err(|e| failed("The Elastic IP could not be disassociated", e))?;
    Ok(())
}

impl Association {
    /// Whether an address is associated as `self` wants it.
    fn is(&self, found: &Found) -> bool {
        let agrees = |wanted: &Computed<String>, is: &Option<String>| {
            wanted.get().is_none_or(|wanted| wanted.is_empty() || is.as_ref() == Some(wanted))
        };
        found.association_id().is_some_and(|id| !id.is_empty())
            && agrees(&self.instance_id, &found.instance_id)
            && agrees(&self.network_interface_id, &found.network_interface_id)
            && agrees(&self.private_ip_address, &found.private_ip_address)
    }
}

#[async_trait]
impl Crud for Association {
    type Client = Aws;
    // AssociateAddress: the same call again is no error, and changes nothing.
    const IDEMPOTENT: bool = true;
    const PAGE: usize = described::PAGE;

    fn quiet(cx: &Context<'_>) -> Duration {
        cx.client.settings.recovery_wait
    }

    async fn create(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        const WHAT: &str = "The Elastic IP could not be associated";
        let call = cx.client.ec2.associate_address();
        let call = match self.allocation_id.get() {
            Some(id) => call.allocation_id(id),
            None => call.set_public_ip(self.public_ip.get().cloned()),
        };
        let call = call
            .set_instance_id(self.instance_id.get().cloned())
            .set_network_interface_id(self.network_interface_id.get().cloned())
            .set_private_ip_address(self.private_ip_address.get().cloned())
            .set_allow_reassociation(self.allow_reassociation);
        match call.send().await {
            Ok(made) => Ok(Association { id: made.association_id.into(), ..self.clone() }),
            // A repeated call that may not take the address from where the first one put it.
            Err(error) if is(&error, &["Resource.AlreadyAssociated"]) => {
                self.find(cx).await?.ok_or_else(|| failed(WHAT, error))
            }
            Err(error) if is(&error, &NOT_YET) => Err(passing(failed(WHAT, error))),
            Err(error) => Err(failed(WHAT, error)),
        }
    }

    async fn read(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        described::one(self, cx).await
    }

    async fn read_many(priors: &[Self], cx: &Context<'_>) -> Vec<Result<Option<Self>, CallError>> {
        described::many(priors, cx).await
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        match self.id.get() {
            Some(id) => disassociate(id, cx).await,
            None => Ok(()),
        }
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Option<Self>, CallError> {
        let (name, value) = match (self.allocation_id.get(), self.public_ip.get()) {
            (Some(id), _) => ("allocation-id", id),
            (None, Some(ip)) => ("public-ip", ip),
            (None, None) => return Ok(None),
        };
        match addresses(tags::filter(name, [value.clone()]), cx).await?.first() {
            Some(found) if self.is(found) => self.filled(found, cx).await,
            _ => Ok(None),
        }
    }

    async fn import(id: &str, _cx: &Context<'_>) -> Result<Self, CallError> {
        named(id)
    }
}
