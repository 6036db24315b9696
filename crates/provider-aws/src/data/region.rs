//! `aws_region`.

use crate::client::{Aws, Context};
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Lookup, Resource};
use formwork_value::Path;

/// A region: the provider's, unless another is named.
#[derive(Clone, Resource)]
#[resource(name = "aws_region")]
pub(super) struct Region {
    /// EC2's address in the region, such as `ec2.eu-central-1.amazonaws.com`: another way to name one.
    #[attr(optional)]
    endpoint: Computed<String>,
    /// The same as `region`, under its older name.
    #[attr(optional)]
    name: Computed<String>,
    /// Name of the region, such as `eu-central-1`.
    #[attr(optional)]
    region: Computed<String>,
    /// Where it is, such as `Europe (Frankfurt)`; empty for a region that is not known here.
    description: Computed<String>,
    /// Name of the region.
    id: Computed<String>,
}

/// AWS's regions and their names for people (its "Regions and Zones" page).
const REGIONS: [(&str, &str); 38] = [
    ("af-south-1", "Africa (Cape Town)"),
    ("ap-east-1", "Asia Pacific (Hong Kong)"),
    ("ap-east-2", "Asia Pacific (Taipei)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "Asia Pacific (Osaka)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-south-2", "Asia Pacific (Hyderabad)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ap-southeast-3", "Asia Pacific (Jakarta)"),
    ("ap-southeast-4", "Asia Pacific (Melbourne)"),
    ("ap-southeast-5", "Asia Pacific (Malaysia)"),
    ("ap-southeast-6", "Asia Pacific (New Zealand)"),
    ("ap-southeast-7", "Asia Pacific (Thailand)"),
    ("ca-central-1", "Canada (Central)"),
    ("ca-west-1", "Canada West (Calgary)"),
    ("cn-north-1", "China (Beijing)"),
    ("cn-northwest-1", "China (Ningxia)"),
    ("eu-central-1", "Europe (Frankfurt)"),
    ("eu-central-2", "Europe (Zurich)"),
    ("eu-north-1", "Europe (Stockholm)"),
    ("eu-south-1", "Europe (Milan)"),
    ("eu-south-2", "Europe (Spain)"),
    ("eu-west-1", "Europe (Ireland)"),
    ("eu-west-2", "Europe (London)"),
    ("eu-west-3", "Europe (Paris)"),
    ("il-central-1", "Israel (Tel Aviv)"),
    ("me-central-1", "Middle East (UAE)"),
    ("me-south-1", "Middle East (Bahrain)"),
    ("mx-central-1", "Mexico (Central)"),
    ("sa-east-1", "South America (Sao Paulo)"),
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-gov-east-1", "AWS GovCloud (US-East)"),
    ("us-gov-west-1", "AWS GovCloud (US-West)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
];

fn endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("ec2.{region}.{suffix}")
}

/// The region that the arguments name, or `usual` if they name none.
fn chosen(asked: &Region, usual: &str) -> Result<String, CallError> {
    let given = |text: &Computed<String>| text.get().filter(|text| !text.is_empty()).cloned();
    let mut named: Vec<String> = [&asked.region, &asked.name].into_iter().filter_map(given).collect();
    if let Some(address) = given(&asked.endpoint) {
        let of = REGIONS.iter().map(|(name, _)| *name).chain([usual]).find(|name| endpoint(name) == address);
        let Some(region) = of else {
            let detail = format!(
                "No region has EC2 at \"{address}\". An address looks like \"{}\"; better set region.",
                endpoint("eu-central-1")
            );
            return Err(CallError::new("Unknown endpoint", detail).on(Path::root().attr("endpoint")));
        };
        named.push(region.to_owned());
    }
    named.dedup();
    match named.as_slice() {
        [] => Ok(usual.to_owned()),
        [region] => Ok(region.clone()),
        [one, other, ..] => {
            let detail =
                format!("The arguments name two regions, {one} and {other}. Keep one of the arguments.");
            Err(CallError::new("Conflicting regions", detail))
        }
    }
}

#[async_trait]
impl Lookup for Region {
    type Client = Aws;

    async fn lookup(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let region = chosen(self, &cx.client.region)?;
        let known = REGIONS.iter().find(|(name, _)| *name == region);
        Ok(Region {
            endpoint: endpoint(&region).into(),
            name: region.as_str().into(),
            description: known.map_or("", |(_, description)| *description).into(),
            id: region.as_str().into(),
            region: region.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_chosen() {
        let check = |region: &str, name: &str, endpoint: &str, wanted: Result<&str, &str>| {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty()).into();
            let asked = Region {
                endpoint: text(endpoint),
                name: text(name),
                region: text(region),
                description: Computed::Unknown,
                id: Computed::Unknown,
            };
            let found = chosen(&asked, "eu-west-1");
            assert_eq!(
                found.as_deref().map_err(|e| e.summary.as_str()),
                wanted,
                "{region} {name} {endpoint}"
            );
        };
        check("", "", "", Ok("eu-west-1"));
        check("us-east-2", "", "", Ok("us-east-2"));
        check("", "xx-new-1", "", Ok("xx-new-1"));
        check("cn-north-1", "", "ec2.cn-north-1.amazonaws.com.cn", Ok("cn-north-1"));
        check("us-east-2", "us-east-1", "", Err("Conflicting regions"));
        check("", "", "ec2.nowhere.example", Err("Unknown endpoint"));
    }

    #[test]
    fn regions_are_listed_once_and_in_order() {
        assert!(REGIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
