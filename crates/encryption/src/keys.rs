//! Where keys come from.

use crate::envelope::Meta;
use crate::{Failure, Secret, aes};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use base64::engine::general_purpose::STANDARD;
use formwork_aws_keys::{Role, WebRole};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::sync::Arc;

/// A block `key_provider`.
pub(crate) struct KeyProvider {
    /// `key_provider.pbkdf2.name`
    pub(crate) address: String,
    /// Under which name its metadata are stored: the address, unless `encrypted_metadata_alias` says otherwise.
    pub(crate) stored_as: String,
    pub(crate) source: Source,
}

pub(crate) enum Source {
    Pbkdf2(Pbkdf2),
    AwsKms(AwsKms),
}

/// What the key is made from.
pub(crate) enum Passphrase {
    Text(Secret),
    /// The key of another provider, by its place in the list.
    Chain(usize),
}

/// A key from a passphrase.
pub(crate) struct Pbkdf2 {
    pub(crate) passphrase: Passphrase,
    pub(crate) key_length: u32,
    pub(crate) iterations: u32,
    pub(crate) salt_length: u32,
    pub(crate) hash: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

/// A key that the Key Management Service of AWS makes, and encrypts with one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsKms {
    /// The ID, ARN or alias of the service's key.
    pub kms_key_id: String,
    /// `AES_256` or `AES_128`.
    pub key_spec: String,
    /// The region, where it is given.
    pub region: Option<String>,
    /// The address of the service, where it is given.
    pub endpoint: Option<String>,
    /// Whose account: name and secret of an access key, and the token of a session.
    pub access_key: Option<String>,
    /// See `access_key`.
    pub secret_key: Option<Secret>,
    /// See `access_key`.
    pub token: Option<Secret>,
    /// Which profile of the shared files.
    pub profile: Option<String>,
    /// The shared files with access keys.
    pub shared_credentials_files: Vec<String>,
    /// The shared files with settings.
    pub shared_config_files: Vec<String>,
    /// A role to take on with the keys that are found.
    pub role: Option<Role>,
    /// A role to take on with a token of somebody else's.
    pub web_role: Option<WebRole>,
    /// Another address of the Security Token Service.
    pub sts_endpoint: Option<String>,
    /// Another region for it.
    pub sts_region: Option<String>,
    /// Whether not to ask the machine for its role.
    pub skip_metadata: bool,
    /// How often a call is tried again.
    pub max_retries: Option<u32>,
}

/// A key that the service made.
#[derive(Clone, Debug)]
pub struct DataKey {
    /// The key.
    pub plaintext: Secret,
    /// The key as the service encrypted it: it is stored.
    pub blob: Vec<u8>,
}

/// The Key Management Service. Errors are sentences, without the end.
pub trait Kms: Send + Sync {
    /// A new key: `GenerateDataKey`.
    fn generate(&self, settings: &AwsKms) -> Result<DataKey, String>;

    /// The key that was stored: `Decrypt`.
    fn decrypt(&self, settings: &AwsKms, blob: &[u8]) -> Result<Secret, String>;
}

/// Bytes as JSON has them.
mod base64_text {
    use super::STANDARD;
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
struct Pbkdf2Meta {
    #[serde(with = "base64_text")]
    salt: Vec<u8>,
    iterations: u32,
    hash_function: Hash,
    key_length: u32,
}

#[derive(Serialize, Deserialize)]
struct KmsMeta {
    #[serde(with = "base64_text")]
    ciphertext_blob: Vec<u8>,
}

/// More is no use to anybody, and keeps a program busy for hours that reads what somebody else wrote.
const MAX_ITERATIONS: u32 = 100_000_000;
/// The same for memory.
pub(crate) const MAX_LENGTH: u32 = 1 << 16;

/// All key providers, and who they ask.
pub(crate) struct Providers {
    pub(crate) list: Vec<KeyProvider>,
    pub(crate) kms: Arc<dyn Kms>,
}

impl Providers {
    /// A new key. What is needed to find it again is added to `meta`.
    pub(crate) fn new_key(&self, index: usize, meta: &mut Meta) -> Result<Secret, Failure> {
        let provider = &self.list[index];
        let (key, remembered) = match &provider.source {
            Source::Pbkdf2(own) => {
                let passphrase = match &own.passphrase {
                    Passphrase::Text(text) => text.clone(),
                    Passphrase::Chain(other) => self.new_key(*other, meta)?,
                };
                let mut salt = vec![0; own.salt_length as usize];
                aes::fill(&mut salt)?;
                let remembered = Pbkdf2Meta {
                    salt,
                    iterations: own.iterations,
                    hash_function: own.hash,
                    key_length: own.key_length,
                };
                (derive(&passphrase, &remembered, provider)?, serde_json::to_vec(&remembered))
            }
            Source::AwsKms(own) => {
                let made = self.kms.generate(own).map_err(|why| self.unreached(provider, &why))?;
                let remembered = KmsMeta { ciphertext_blob: made.blob };
                (made.plaintext, serde_json::to_vec(&remembered))
            }
        };
        let remembered = remembered.expect("writing to memory cannot fail");
        meta.insert(provider.stored_as.clone(), remembered);
        Ok(key)
    }

    /// The key of a text that was stored with `meta`; nothing if this provider had no part in it.
    pub(crate) fn old_key(&self, index: usize, meta: &Meta) -> Result<Option<Secret>, Failure> {
        let provider = &self.list[index];
        let Some(bytes) = meta.get(&provider.stored_as) else { return Ok(None) };
        let foreign = || {
            Failure::new(
                format!(
                    "it was encrypted with metadata of \"{}\" that {} does not understand.",
                    provider.stored_as, provider.address
                ),
                "Was a key provider of another kind stored under this name? Declare it as it was, and refer to it in a \
                 fallback block.",
            )
        };
        match &provider.source {
            Source::Pbkdf2(own) => {
                let remembered: Pbkdf2Meta = serde_json::from_slice(bytes).map_err(|_| foreign())?;
                if remembered.iterations > MAX_ITERATIONS || remembered.key_length > MAX_LENGTH {
                    return Err(foreign());
                }
                let passphrase = match &own.passphrase {
                    Passphrase::Text(text) => text.clone(),
                    Passphrase::Chain(other) => match self.old_key(*other, meta)? {
                        Some(key) => key,
                        None => return Ok(None),
                    },
                };
                derive(&passphrase, &remembered, provider).map(Some)
            }
            Source::AwsKms(own) => {
                let remembered: KmsMeta = serde_json::from_slice(bytes).map_err(|_| foreign())?;
                let key = self.kms.decrypt(own, &remembered.ciphertext_blob);
                key.map(Some).map_err(|why| self.unreached(provider, &why))
            }
        }
    }

    /// Whether a key that a text was unsealed with is as good as a new one: it comes from a passphrase, by the settings of
    /// today. To derive it costs a third of a second, and a salt is not worn out by use.
    pub(crate) fn is_current(&self, index: usize, meta: &Meta) -> bool {
        let provider = &self.list[index];
        let (Source::Pbkdf2(own), Some(bytes)) = (&provider.source, meta.get(&provider.stored_as)) else {
            return false;
        };
        serde_json::from_slice::<Pbkdf2Meta>(bytes).is_ok_and(|remembered| {
            matches!(own.passphrase, Passphrase::Text(_))
                && meta.len() == 1
                && remembered.iterations == own.iterations
                && remembered.key_length == own.key_length
                && remembered.hash_function == own.hash
                && remembered.salt.len() == own.salt_length as usize
        })
    }

    fn unreached(&self, provider: &KeyProvider, why: &str) -> Failure {
        Failure::new(
            format!("its key cannot be had from {}: {why}.", provider.address),
            "Its key is needed whenever the text is read or written: mend what the service says, and run again.",
        )
    }
}

fn derive(passphrase: &Secret, meta: &Pbkdf2Meta, provider: &KeyProvider) -> Result<Secret, Failure> {
    let algorithm = match meta.hash_function {
        Hash::Sha256 => PBKDF2_HMAC_SHA256,
        Hash::Sha512 => PBKDF2_HMAC_SHA512,
    };
    let refused = || {
        Failure::new(
            format!(
                "its key cannot be made by {}: the metadata ask for no iterations at all.",
                provider.address
            ),
            "Restore it from its backup: these metadata were not written by a tool that knows the format.",
        )
    };
    let iterations = NonZeroU32::new(meta.iterations).ok_or_else(refused)?;
    let mut key = vec![0; meta.key_length as usize];
    pbkdf2::derive(algorithm, iterations, &meta.salt, passphrase.expose(), &mut key);
    Ok(key.into())
}
