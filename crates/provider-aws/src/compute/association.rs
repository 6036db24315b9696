//! `aws_eip_association`.

use super::common::passing;
use crate::client::Context;
use crate::error::{absent, failed, is};
use crate::resource::{AwsType, Place, Wanted, place};
use crate::tags::filter;
use async_trait::async_trait;
use aws_sdk_ec2::types::{Address as Found, Filter};
use formwork_provider::{CallError, Computed, Resource};

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

#[async_trait]
impl AwsType for Association {
    type Found = Found;
    const TAGGED: bool = false;
    // AssociateAddress: the same call again is no error, and changes nothing.
    const IDEMPOTENT: bool = true;
    const LAGS: bool = false;

    async fn list(wanted: Wanted<'_, Self>, cx: &Context<'_>) -> Result<Vec<Found>, CallError> {
        let filter = match wanted {
            Wanted::Ids(ids) => filter("association-id", ids),
            Wanted::Made(wanted) => match (wanted.allocation_id.get(), wanted.public_ip.get()) {
                (Some(id), _) => filter("allocation-id", [id]),
                (None, Some(ip)) => filter("public-ip", [ip]),
                (None, None) => return Ok(Vec::new()),
            },
        };
        addresses(filter, cx).await
    }

    fn found_id(found: &Found) -> Option<&str> {
        found.association_id()
    }

    fn is_made(&self, found: &Found, _cx: &Context<'_>) -> bool {
        let agrees = |wanted: &Computed<String>, is: &Option<String>| {
            wanted.get().is_none_or(|wanted| wanted.is_empty() || is.as_ref() == Some(wanted))
        };
        found.association_id().is_some_and(|id| !id.is_empty())
            && agrees(&self.instance_id, &found.instance_id)
            && agrees(&self.network_interface_id, &found.network_interface_id)
            && agrees(&self.private_ip_address, &found.private_ip_address)
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
            Err(error) if is(&error, &["Resource.AlreadyAssociated"]) => match place(self, cx).await? {
                Place::Made(made) => Ok(made),
                Place::Taken | Place::Free => Err(failed(WHAT, error)),
            },
            Err(error) if is(&error, &NOT_YET) => Err(passing(failed(WHAT, error))),
            Err(error) => Err(failed(WHAT, error)),
        }
    }

    async fn delete(&self, cx: &Context<'_>) -> Result<(), CallError> {
        match self.id.get() {
            Some(id) => disassociate(id, cx).await,
            None => Ok(()),
        }
    }
}
