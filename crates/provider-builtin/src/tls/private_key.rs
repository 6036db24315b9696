//! `tls_private_key`, and the data source `tls_public_key`.

use super::curve::Curve;
use super::key::Key;
use super::public::{Public, read_ssh_string};
use super::{failed, pem, read_key};
use crate::values::{exactly_one, hex, one_of};
use async_trait::async_trait;
use formwork_provider::{CallError, Computed, Crud, Cx, Effects, Lookup, Problem, Resource};
use formwork_value::{Path, Value};
use serde_json::json;
use sha1::{Digest, Sha1};

/// Makes a private key. It is kept in the state as it is: meant for environments that are thrown away.
#[derive(Clone, Resource)]
#[resource(name = "tls_private_key", version = 1)]
pub(super) struct PrivateKey {
    /// `RSA`, `ECDSA` or `ED25519`.
    #[attr(replace)]
    algorithm: String,
    /// Bits of an RSA key: 2048, 3072, 4096 or 8192.
    #[attr(replace, default = 2048)]
    rsa_bits: i64,
    /// Curve of an ECDSA key: `P224`, `P256`, `P384` or `P521`.
    #[attr(replace, default = "P224")]
    ecdsa_curve: String,
    /// Comment of the key in OpenSSH's forms.
    #[attr(replace)]
    openssh_comment: Option<String>,
    /// The private key in PEM.
    #[attr(sensitive)]
    private_key_pem: Computed<String>,
    /// The private key as OpenSSH keeps it; empty for the curve P224, which OpenSSH does not know.
    #[attr(sensitive)]
    private_key_openssh: Computed<String>,
    /// The private key in PEM, as PKCS#8.
    #[attr(sensitive)]
    private_key_pem_pkcs8: Computed<String>,
    /// The public key in PEM.
    public_key_pem: Computed<String>,
    /// The public key as a line of `authorized_keys`; empty for the curve P224.
    public_key_openssh: Computed<String>,
    /// OpenSSH's MD5 fingerprint of the public key; empty for the curve P224.
    public_key_fingerprint_md5: Computed<String>,
    /// OpenSSH's SHA-256 fingerprint of the public key; empty for the curve P224.
    public_key_fingerprint_sha256: Computed<String>,
    /// SHA-1 of the public key, in hexadecimal digits.
    id: Computed<String>,
}

/// Reads the public key of a private one.
#[derive(Clone, Resource)]
#[resource(name = "tls_public_key")]
pub(super) struct PublicKey {
    /// The private key in PEM. Exactly one of `private_key_pem` and `private_key_openssh` is needed.
    #[attr(sensitive)]
    private_key_pem: Option<String>,
    /// The private key as OpenSSH keeps it.
    #[attr(sensitive)]
    private_key_openssh: Option<String>,
    /// `RSA`, `ECDSA` or `ED25519`.
    algorithm: Computed<String>,
    /// The public key in PEM.
    public_key_pem: Computed<String>,
    /// The public key as a line of `authorized_keys`; empty for the curve P224.
    public_key_openssh: Computed<String>,
    /// OpenSSH's MD5 fingerprint of the public key; empty for the curve P224.
    public_key_fingerprint_md5: Computed<String>,
    /// OpenSSH's SHA-256 fingerprint of the public key; empty for the curve P224.
    public_key_fingerprint_sha256: Computed<String>,
    /// SHA-1 of the public key, in hexadecimal digits.
    id: Computed<String>,
}

/// Fills in what follows from the public key.
macro_rules! with_public {
    ($object:expr, $public:expr, $comment:expr) => {{
        let (mut object, public): (_, &Public) = ($object, $public);
        object.public_key_pem = public.pem().into();
        object.public_key_openssh = public.openssh($comment).into();
        object.public_key_fingerprint_md5 = public.fingerprint_md5().into();
        object.public_key_fingerprint_sha256 = public.fingerprint_sha256().into();
        object.id = hex(Sha1::digest(public.der())).into();
        object
    }};
}

impl PrivateKey {
    fn generate(&self) -> Result<Key, CallError> {
        let wrong =
            |name: &str, detail: String| CallError::new("Unknown choice", detail).on(Path::root().attr(name));
        match self.algorithm.as_str() {
            "RSA" if ![2048, 3072, 4096, 8192].contains(&self.rsa_bits) => {
                let detail = format!("rsa_bits must be 2048, 3072, 4096 or 8192; it is {}.", self.rsa_bits);
                Err(wrong("rsa_bits", detail))
            }
            "RSA" => Key::rsa(self.rsa_bits).ok_or_else(|| failed("make an RSA key")),
            "ECDSA" => match Curve::ALL.into_iter().find(|c| c.name() == self.ecdsa_curve) {
                Some(curve) => Key::ec(curve).ok_or_else(|| failed("make an ECDSA key")),
                None => Err(wrong("ecdsa_curve", format!("There is no curve \"{}\".", self.ecdsa_curve))),
            },
            "ED25519" => Key::ed25519().ok_or_else(|| failed("make an Ed25519 key")),
            other => Err(wrong("algorithm", format!("There is no algorithm \"{other}\"."))),
        }
    }

    fn with_key(self, key: &Key) -> Self {
        let comment = self.openssh_comment.clone().unwrap_or_default();
        let mut out = with_public!(self, key.public(), &comment);
        out.private_key_pem = key.pem().into();
        out.private_key_pem_pkcs8 = key.pkcs8_pem().into();
        out.private_key_openssh = key.openssh(&comment).into();
        out
    }
}

#[async_trait]
impl Crud for PrivateKey {
    type Client = ();
    const EFFECTS: Effects = Effects::StateOnly;

    fn validate(config: &Value) -> Vec<Problem> {
        let curves: Vec<&str> = Curve::ALL.iter().map(|c| c.name()).collect();
        let algorithm = one_of(config, "algorithm", &["RSA", "ECDSA", "ED25519"]);
        algorithm.into_iter().chain(one_of(config, "ecdsa_curve", &curves)).collect()
    }

    async fn create(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        // A long RSA key takes a second: elsewhere, so that nobody waits for it.
        let wanted = self.clone();
        let made = tokio::task::spawn_blocking(move || Ok(wanted.clone().with_key(&wanted.generate()?)));
        made.await.map_err(|_| failed("make a key"))?
    }

    async fn read(&self, _: &Cx<'_, ()>) -> Result<Option<Self>, CallError> {
        Ok(Some(self.clone()))
    }

    async fn delete(&self, _: &Cx<'_, ()>) -> Result<(), CallError> {
        Ok(())
    }

    /// Version 0 had the PEM only.
    fn upgrade(_: u64, mut attributes: serde_json::Value) -> Result<serde_json::Value, String> {
        let map = attributes.as_object_mut().ok_or("the attributes are not an object")?;
        let text = map.get("private_key_pem").and_then(|t| t.as_str()).unwrap_or_default();
        let key = Key::from_pem(text).ok_or("private_key_pem is not a key")?;
        let public = key.public();
        let mut set = |name: &str, value: String| {
            let empty = map.get(name).and_then(|v| v.as_str()).is_none_or(str::is_empty);
            if empty {
                map.insert(name.into(), json!(value));
            }
        };
        set("private_key_openssh", key.openssh(""));
        set("private_key_pem_pkcs8", key.pkcs8_pem());
        set("public_key_pem", public.pem());
        set("public_key_openssh", public.openssh(""));
        set("public_key_fingerprint_md5", public.fingerprint_md5());
        set("public_key_fingerprint_sha256", public.fingerprint_sha256());
        Ok(attributes)
    }
}

/// The public key in OpenSSH's file of a private one: it is never encrypted.
fn from_openssh(text: &str) -> Option<Public> {
    let (label, bytes) = pem::decode(text)?;
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0").filter(|_| label == "OPENSSH PRIVATE KEY")?;
    // Cipher, key derivation and its options.
    (0..3).try_for_each(|_| read_ssh_string(&mut rest).map(drop))?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    Public::from_ssh(read_ssh_string(&mut rest)?).filter(|_| u32::from_be_bytes(*count) == 1)
}

#[async_trait]
impl Lookup for PublicKey {
    type Client = ();

    fn validate(config: &Value) -> Vec<Problem> {
        exactly_one(config, &["private_key_pem", "private_key_openssh"])
    }

    async fn lookup(&self, _: &Cx<'_, ()>) -> Result<Self, CallError> {
        let public = match (&self.private_key_pem, &self.private_key_openssh) {
            (Some(text), _) => read_key(text, "private_key_pem")?.public().clone(),
            (None, Some(text)) => from_openssh(text).ok_or_else(|| {
                let detail =
                    "private_key_openssh must be one key in OpenSSH's own form (RSA, ECDSA or Ed25519).";
                CallError::new("Unreadable key", detail).on(Path::root().attr("private_key_openssh"))
            })?,
            (None, None) => {
                let detail = "Exactly one of private_key_pem, private_key_openssh is needed; none is set.";
                return Err(CallError::new("Missing argument", detail));
            }
        };
        let mut found = with_public!(self.clone(), &public, "");
        found.algorithm = public.algorithm().into();
        Ok(found)
    }
}
