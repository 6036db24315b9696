//! The smaller blocks of an instance.

use aws_sdk_ec2::types::{
    CreditSpecificationRequest, InstanceMetadataOptionsRequest, InstanceMetadataOptionsResponse,
};
use formwork_provider::{Computed, Nested};

/// How CPU credits are used.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct CreditSpecification {
    /// `standard` or `unlimited`.
    pub cpu_credits: Option<String>,
}

impl CreditSpecification {
    pub(super) fn request(&self) -> Option<CreditSpecificationRequest> {
        let credits = self.cpu_credits.as_deref()?;
        Some(CreditSpecificationRequest::builder().cpu_credits(credits).build())
    }
}

/// How the machine gets at its metadata.
#[derive(Clone, Nested, PartialEq)]
pub(super) struct MetadataOptions {
    /// `enabled` or `disabled`: whether there is a metadata service.
    #[attr(optional)]
    pub http_endpoint: Computed<String>,
    /// `enabled` or `disabled`: whether it has an IPv6 address as well.
    #[attr(optional)]
    pub http_protocol_ipv6: Computed<String>,
    /// How many hops an answer may go, 1 to 64.
    #[attr(optional)]
    pub http_put_response_hop_limit: Computed<i64>,
    /// `required` for session tokens (version 2 of the service) with every request, or `optional`.
    #[attr(optional)]
    pub http_tokens: Computed<String>,
    /// `enabled` or `disabled`: whether the instance's tags are told.
    #[attr(optional)]
    pub instance_metadata_tags: Computed<String>,
}

fn given<T: for<'a> From<&'a str>>(text: &Computed<String>) -> Option<T> {
    text.get().filter(|text| !text.is_empty()).map(|text| T::from(text))
}

impl MetadataOptions {
    /// How many hops, as AWS takes it.
    pub(super) fn hops(&self) -> Option<i32> {
        self.http_put_response_hop_limit.get().and_then(|hops| i32::try_from(*hops).ok())
    }

    pub(super) fn request(&self) -> InstanceMetadataOptionsRequest {
        InstanceMetadataOptionsRequest::builder()
            .set_http_endpoint(given(&self.http_endpoint))
            .set_http_protocol_ipv6(given(&self.http_protocol_ipv6))
            .set_http_put_response_hop_limit(self.hops())
            .set_http_tokens(given(&self.http_tokens))
            .set_instance_metadata_tags(given(&self.instance_metadata_tags))
            .build()
    }

    /// `self`, as it is.
    pub(super) fn seen(&self, found: &InstanceMetadataOptionsResponse) -> Self {
        fn text(known: &Computed<String>, found: Option<&str>) -> Computed<String> {
            match (found, known) {
                (Some(found), _) => found.into(),
                (None, Computed::Known(known)) => known.clone().into(),
                (None, _) => Computed::Null,
            }
        }
        let hops = found.http_put_response_hop_limit().map(i64::from);
        MetadataOptions {
            http_endpoint: text(&self.http_endpoint, found.http_endpoint().map(|x| x.as_str())),
            http_protocol_ipv6: text(
                &self.http_protocol_ipv6,
                found.http_protocol_ipv6().map(|x| x.as_str()),
            ),
            http_put_response_hop_limit: hops.or(self.http_put_response_hop_limit.get().copied()).into(),
            http_tokens: text(&self.http_tokens, found.http_tokens().map(|x| x.as_str())),
            instance_metadata_tags: text(
                &self.instance_metadata_tags,
                found.instance_metadata_tags().map(|x| x.as_str()),
            ),
        }
    }
}
