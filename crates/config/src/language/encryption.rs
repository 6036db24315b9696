//! The table's part on encryption.

use super::blocks::arg;
use super::{Argument, BlockKind};

pub(crate) static ENCRYPTION: BlockKind = BlockKind {
    name: "encryption",
    labels: &[],
    what: "an encryption block",
    summary: "How states and saved plans are encrypted, as in OpenTofu; see the guide to encryption. Only that of the root \
              module counts. Expressions in it may use variables, locals made of these, and functions. What stands in the \
              environment variable `TF_ENCRYPTION` is laid over it.",
    arguments: &[],
    others: None,
    blocks: &[&KEY_PROVIDER, &METHOD, &STATE, &PLAN, &REMOTE],
};

pub(crate) static KEY_PROVIDER: BlockKind = BlockKind {
    name: "key_provider",
    labels: &["kind", "name"],
    what: "a key_provider block",
    summary: "Where a key comes from: `pbkdf2`, a passphrase; `aws_kms`, the Key Management Service of AWS. A method refers to \
              it as `key_provider.KIND.NAME`.",
    arguments: &[],
    others: Some("Those of the kind: see the guide to encryption."),
    blocks: &[],
};

pub(crate) static METHOD: BlockKind = BlockKind {
    name: "method",
    labels: &["kind", "name"],
    what: "a method block",
    summary: "How texts are encrypted: `aes_gcm`, or `unencrypted`, which is for migrations. What is to be encrypted refers to \
              it as `method.KIND.NAME`.",
    arguments: &[],
    others: Some(
        "For `aes_gcm`: `keys`, a key provider, and `aad`, a list of bytes that are authenticated besides.",
    ),
    blocks: &[],
};

const METHOD_OF: Argument = arg("method", "a method, as `method.aes_gcm.NAME`", "What encrypts it.");
const ENFORCED: Argument = arg(
    "enforced",
    "`true` or `false`",
    "It is an error if no method is given, or `unencrypted` is among them.",
);

pub(crate) static STATE: BlockKind = BlockKind {
    name: "state",
    labels: &[],
    what: "a state block",
    summary: "Encryption of the state, and of all that is kept of it: journal, backups, history.",
    arguments: &[METHOD_OF, ENFORCED],
    others: None,
    blocks: &[&FALLBACK],
};

pub(crate) static PLAN: BlockKind = BlockKind {
    name: "plan",
    labels: &[],
    what: "a plan block",
    summary: "Encryption of saved plans.",
    arguments: &[METHOD_OF, ENFORCED],
    others: None,
    blocks: &[&FALLBACK],
};

pub(crate) static FALLBACK: BlockKind = BlockKind {
    name: "fallback",
    labels: &[],
    what: "a fallback block",
    summary: "What is tried on a text that the method outside does not decrypt. New texts are always encrypted by that one. A \
              fallback may have another inside.",
    arguments: &[arg("method", "a method, as `method.aes_gcm.NAME`", "What decrypts it.")],
    others: None,
    blocks: &[&FALLBACK],
};

pub(crate) static REMOTE: BlockKind = BlockKind {
    name: "remote_state_data_sources",
    labels: &[],
    what: "a remote_state_data_sources block",
    summary: "How the states are decrypted that `terraform_remote_state` reads.",
    arguments: &[],
    others: None,
    blocks: &[&DEFAULT, &REMOTE_ONE],
};

pub(crate) static DEFAULT: BlockKind = BlockKind {
    name: "default",
    labels: &[],
    what: "a default block",
    summary: "For all that have no block of their own.",
    arguments: &[METHOD_OF],
    others: None,
    blocks: &[&FALLBACK],
};

pub(crate) static REMOTE_ONE: BlockKind = BlockKind {
    name: "remote_state_data_source",
    labels: &["name"],
    what: "a remote_state_data_source block",
    summary: "For one: its name, before it the module and a dot, and behind it the key, as `network.vpc[0]`.",
    arguments: &[METHOD_OF],
    others: None,
    blocks: &[&FALLBACK],
};
