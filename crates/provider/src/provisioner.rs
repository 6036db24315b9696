//! Provisioners: what runs after an object was made, or before it goes.

use crate::{Attribute, Block, CallError, Problem};
use async_trait::async_trait;
use formwork_value::{Type, Value};
use std::sync::LazyLock;

/// What one run of a provisioner is given.
pub struct Provisioning<'a> {
    /// The configuration: wholly known, without marks.
    pub config: &'a Value,
    /// How to reach the machine: an object of [`connection_schema`], where there is a `connection` block.
    pub connection: Option<&'a Value>,
    /// Takes what it prints, line by line.
    pub say: &'a (dyn Fn(&str) + Send + Sync),
}

/// A kind of provisioner.
#[async_trait]
pub trait Provisioner: Send + Sync {
    /// Such as `local-exec`.
    fn name(&self) -> &str;

    /// What its block may hold.
    fn schema(&self) -> &Block;

    /// Whether it needs a `connection`.
    fn connects(&self) -> bool {
        false
    }

    /// Checks a configuration in which values may be unknown.
    fn validate(&self, _config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Runs to its end. Dropping the future ends it.
    async fn run(&self, what: &Provisioning<'_>) -> Result<(), CallError>;
}

/// What a `connection` block may hold: Terraform's arguments for SSH, and those for WinRM, which are refused when used.
pub fn connection_schema() -> &'static Block {
    static SCHEMA: LazyLock<Block> = LazyLock::new(|| {
        let text = |name: &str| (name.into(), optional(Type::String));
        let number = |name: &str| (name.into(), optional(Type::Number));
        let flag = |name: &str| (name.into(), optional(Type::Bool));
        let texts = [
            "type",
            "user",
            "password",
            "host",
            "timeout",
            "script_path",
            "target_platform",
            "private_key",
            "certificate",
            "host_key",
            "agent_identity",
            "proxy_scheme",
            "proxy_host",
            "proxy_user_name",
            "proxy_user_password",
            "bastion_host",
            "bastion_host_key",
            "bastion_user",
            "bastion_password",
            "bastion_private_key",
            "bastion_certificate",
            "cacert",
        ];
        let numbers = ["port", "proxy_port", "bastion_port"];
        let flags = ["agent", "https", "insecure", "use_ntlm"];
        let attributes = texts.iter().map(|n| text(n));
        let attributes = attributes.chain(numbers.iter().map(|n| number(n)));
        let attributes = attributes.chain(flags.iter().map(|n| flag(n))).collect();
        let mut block = Block { attributes, ..Block::default() };
        if let Some(host) = block.attributes.get_mut("host") {
            (host.required, host.optional) = (true, false);
        }
        block
    });
    &SCHEMA
}

fn optional(ty: Type) -> Attribute {
    Attribute { optional: true, ..Attribute::new(ty) }
}
