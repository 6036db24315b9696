//! `aws_caller_identity`.

use crate::client::{Aws, Context};
use crate::error::failed;
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Lookup, Resource};

/// Whose credentials the provider uses.
#[derive(Clone, Resource)]
#[resource(name = "aws_caller_identity")]
pub(super) struct CallerIdentity {
    /// The account's number, of twelve digits.
    account_id: Computed<String>,
    /// ARN of the user or role.
    arn: Computed<String>,
    /// Unique ID of the user or role.
    user_id: Computed<String>,
    /// The account's number.
    id: Computed<String>,
}

#[async_trait]
impl Lookup for CallerIdentity {
    type Client = Aws;

    async fn lookup(&self, cx: &Context<'_>) -> Result<Self, CallError> {
        let answer = cx.client.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|e| failed("The caller's identity could not be read", e))?;
        Ok(CallerIdentity {
            account_id: answer.account.clone().into(),
            arn: answer.arn.into(),
            user_id: answer.user_id.into(),
            id: answer.account.into(),
        })
    }
}
