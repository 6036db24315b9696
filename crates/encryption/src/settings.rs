//! What the block `encryption` says, from values to sealers.

use crate::keys::{AwsKms, Hash, KeyProvider, MAX_LENGTH, Passphrase, Pbkdf2, Providers, Source};
use crate::sealer::{Method, MethodKind};
use crate::{Kms, Sealer, Secret, aes};
use formwork_aws_keys::{Role, WebRole, seconds};
use formwork_diag::{Diagnostic, Span, suggestion};
use formwork_value::{Str, Type, Value, convert};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The block, with values for all arguments.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Blocks `key_provider`.
    pub key_providers: Vec<Component>,
    /// Blocks `method`.
    pub methods: Vec<Component>,
    /// The block `state`.
    pub state: Option<Target>,
    /// The block `plan`.
    pub plan: Option<Target>,
    /// Blocks of `remote_state_data_sources`, by name; the one without a name is `default`.
    pub remote: Vec<(Option<Str>, Target)>,
}

/// A block `key_provider` or `method`.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its first label.
    pub kind: Str,
    /// Its second label.
    pub name: Str,
    /// Its arguments, without marks; a nested block is an object. A reference to a key provider is its address, as text.
    pub arguments: BTreeMap<Str, Value>,
    /// The block's header.
    pub span: Span,
}

/// What is encrypted how.
#[derive(Clone, Debug)]
pub struct Target {
    /// It must be encrypted.
    pub enforced: bool,
    /// The address of the method for new texts, and those of the fallbacks; nothing where a block names none.
    pub methods: Vec<Option<Str>>,
    /// The block's header.
    pub span: Span,
}

/// Sealers for all that a program stores. What has none is stored in clear.
#[derive(Clone, Default)]
pub struct Encryption {
    /// For states.
    pub state: Option<Arc<Sealer>>,
    /// For plans.
    pub plan: Option<Arc<Sealer>>,
    /// For states of other configurations, by the name of the data source.
    remote: BTreeMap<Option<Str>, Arc<Sealer>>,
}

impl Encryption {
    /// For the state that this data source reads: `name`, `module.name` or `module.name[0]`.
    pub fn remote(&self, name: &str) -> Option<&Arc<Sealer>> {
        let whole = name.split('[').next().unwrap_or(name);
        let find = |name: &str| self.remote.get(&Some(Str::from(name)));
        find(name).or_else(|| find(whole)).or_else(|| self.remote.get(&None))
    }
}

/// Kinds of OpenTofu that this program does not have.
const OTHER_PROVIDERS: [&str; 4] = ["gcp_kms", "openbao", "external", "azure_vault"];

impl Settings {
    /// Checks everything, and makes sealers of it. No key is made or asked for yet.
    pub fn build(&self, kms: Arc<dyn Kms>) -> Result<Encryption, Vec<Diagnostic>> {
        let mut diags = Vec::new();
        let providers = self.providers(&mut diags);
        let methods = self.methods(&providers, &mut diags);
        let providers = Arc::new(Providers { list: providers.into_iter().map(|(p, _)| p).collect(), kms });
        let mut sealer = |name: &str, target: &Target| {
            let chosen = choose(name, target, &methods, &mut diags)?;
            Some(Arc::new(Sealer::new(chosen, providers.clone())))
        };
        let state = self.state.as_ref().and_then(|target| sealer("state", target));
        let plan = self.plan.as_ref().and_then(|target| sealer("plan", target));
        let mut remote = BTreeMap::new();
        for (name, target) in &self.remote {
            let shown = name.as_deref().map_or_else(
                || "remote_state_data_sources.default".to_owned(),
                |name| format!("remote_state_data_source \"{name}\""),
            );
            if let Some(sealer) = sealer(&shown, target) {
                remote.insert(name.clone(), sealer);
            }
        }
        if diags.is_empty() { Ok(Encryption { state, plan, remote }) } else { Err(diags) }
    }

    /// Key providers, and the length of the key of each.
    fn providers(&self, diags: &mut Vec<Diagnostic>) -> Vec<(KeyProvider, u32)> {
        let mut out: Vec<(KeyProvider, u32)> = Vec::new();
        // A provider may be made from one that stands behind it.
        let mut waiting: Vec<&Component> = self.key_providers.iter().collect();
        while !waiting.is_empty() {
            let known: Vec<String> = out.iter().map(|(p, _)| p.address.clone()).collect();
            let ready = |c: &&Component| match c.arguments.get("chain").and_then(Value::as_str) {
                Some(chain) => known.iter().any(|k| k == chain),
                None => true,
            };
            let (next, rest): (Vec<&Component>, Vec<&Component>) = waiting.into_iter().partition(ready);
            if next.is_empty() {
                for component in rest {
                    let address = component.address("key_provider");
                    let d = Diagnostic::error(
                        "Key provider cannot be used",
                        format!(
                            "The chain of {address} leads to itself, or to a key provider that has mistakes."
                        ),
                    );
                    diags.push(d.at(component.span));
                }
                break;
            }
            for component in next {
                if let Some(made) = provider(component, &known, diags) {
                    if let Some((other, _)) = out.iter().find(|(p, _)| p.stored_as == made.0.stored_as) {
                        let d = Diagnostic::error(
                            "Duplicate encrypted_metadata_alias",
                            format!(
                                "{} and {} would both store their metadata as \"{}\".",
                                other.address, made.0.address, made.0.stored_as
                            ),
                        );
                        diags.push(d.at(component.span));
                    }
                    out.push(made);
                }
            }
            waiting = rest;
        }
        out
    }

    fn methods(&self, providers: &[(KeyProvider, u32)], diags: &mut Vec<Diagnostic>) -> Vec<Method> {
        let mut out = Vec::new();
        for component in &self.methods {
            let address = component.address("method");
            let mut read = Reader::new(component, address.clone(), diags);
            let kind = match &*component.kind {
                "unencrypted" => Some(MethodKind::Unencrypted),
                "aes_gcm" => aes_gcm(&mut read, providers),
                other => {
                    let detail = format!("There is no encryption method \"{other}\" here: {address}.");
                    let d = Diagnostic::error("Unknown encryption method", detail);
                    let help = match suggestion(other, ["aes_gcm", "unencrypted"]) {
                        Some(near) => format!("Did you mean \"{near}\"?"),
                        None => "There are aes_gcm and unencrypted.".to_owned(),
                    };
                    read.diags.push(d.at(component.span).help(help));
                    continue;
                }
            };
            read.finish();
            out.extend(kind.map(|kind| Method { address, kind }));
        }
        out
    }
}

impl Component {
    fn address(&self, what: &str) -> String {
        format!("{what}.{}.{}", self.kind, self.name)
    }
}

fn choose(
    name: &str,
    target: &Target,
    methods: &[Method],
    diags: &mut Vec<Diagnostic>,
) -> Option<Vec<Method>> {
    let mut chosen = Vec::new();
    for address in &target.methods {
        let Some(address) = address else {
            let d = Diagnostic::error(
                "Encryption method required",
                if target.enforced {
                    format!("Encryption of \"{name}\" is enforced, and no method is given for it.")
                } else {
                    format!("The block for \"{name}\", or a fallback in it, names no method.")
                },
            );
            diags.push(d.at(target.span).help(
                "Give a method here, or in the environment variable TF_ENCRYPTION; it was perhaps to be set where this runs.",
            ));
            return None;
        };
        match methods.iter().find(|m| m.address == **address) {
            Some(method) => chosen.push(method.clone()),
            // One that is declared and has mistakes was told of.
            None => {
                if diags.is_empty() {
                    let d = Diagnostic::error(
                        "Reference to undeclared encryption method",
                        format!("There is no {address}, which the block for \"{name}\" refers to."),
                    );
                    diags.push(d.at(target.span));
                }
                return None;
            }
        }
    }
    if target.enforced && chosen.iter().any(|m| matches!(m.kind, MethodKind::Unencrypted)) {
        let d = Diagnostic::error(
            "Unencrypted method is forbidden",
            format!(
                "Encryption of \"{name}\" is enforced, and {name} may nevertheless be stored or found in clear."
            ),
        );
        diags.push(
            d.at(target.span)
                .help("Set enforced only after the migration, when the fallback to clear text is gone."),
        );
        return None;
    }
    Some(chosen)
}

fn provider(
    component: &Component,
    known: &[String],
    diags: &mut Vec<Diagnostic>,
) -> Option<(KeyProvider, u32)> {
    let address = component.address("key_provider");
    let mut read = Reader::new(component, address.clone(), diags);
    let stored_as = match read.text("encrypted_metadata_alias") {
        Some(alias) if !alias.is_empty() => alias,
        _ => address.clone(),
    };
    let source = match &*component.kind {
        "pbkdf2" => pbkdf2(&mut read, known),
        "aws_kms" => aws_kms(&mut read),
        other => {
            let known_there = OTHER_PROVIDERS.contains(&other);
            let d = Diagnostic::error(
                "Unknown key provider",
                if known_there {
                    format!("{address}: OpenTofu's key provider \"{other}\" is not supported here.")
                } else {
                    format!("There is no key provider \"{other}\": {address}.")
                },
            );
            let help = match suggestion(other, ["pbkdf2", "aws_kms"]) {
                Some(near) if !known_there => format!("Did you mean \"{near}\"?"),
                _ => "There are pbkdf2 (a passphrase) and aws_kms (a key of AWS).".to_owned(),
            };
            read.diags.push(d.at(component.span).help(help));
            return None;
        }
    };
    read.finish();
    let (source, length) = source?;
    Some((KeyProvider { address, stored_as, source }, length))
}

/// Defaults and limits of OpenTofu.
const KEY_LENGTH: u32 = 32;
const ITERATIONS: u32 = 600_000;
const MIN_ITERATIONS: u32 = 200_000;
const SALT_LENGTH: u32 = 32;
const MIN_PASSPHRASE: usize = 16;

fn pbkdf2(read: &mut Reader<'_>, known: &[String]) -> Option<(Source, u32)> {
    let passphrase = read.text("passphrase").map(|text| Secret::from(text.as_str()));
    let chain = read.text("chain");
    let key_length = read.number("key_length", 1, MAX_LENGTH, KEY_LENGTH);
    let iterations = read.number("iterations", MIN_ITERATIONS, u32::MAX, ITERATIONS);
    let salt_length = read.number("salt_length", 1, MAX_LENGTH, SALT_LENGTH);
    let hash = match read.text("hash_function").as_deref() {
        None | Some("sha512") => Some(Hash::Sha512),
        Some("sha256") => Some(Hash::Sha256),
        Some(other) => {
            let detail = format!("{}: there is no hash function \"{other}\".", read.address);
            read.error("Invalid hash function", detail, "Set hash_function to \"sha512\" or \"sha256\".");
            None
        }
    };
    let passphrase = match (passphrase, chain) {
        (Some(text), None) if text.expose().len() >= MIN_PASSPHRASE => Passphrase::Text(text),
        (Some(_), None) => {
            let detail = format!("The passphrase of {} has less than {MIN_PASSPHRASE} bytes.", read.address);
            let help =
                "Take a longer one: whoever has the file can try passphrases as fast as his machine allows.";
            read.error("Passphrase too short", detail, help);
            return None;
        }
        (None, Some(chain)) => match known.iter().position(|k| *k == chain) {
            Some(at) => Passphrase::Chain(at),
            None => {
                let detail = format!("There is no {chain}, which the chain of {} refers to.", read.address);
                read.error(
                    "Reference to undeclared key provider",
                    detail,
                    "Refer to key_provider.KIND.NAME.",
                );
                return None;
            }
        },
        (Some(_), Some(_)) => {
            let detail = format!("{} has both passphrase and chain.", read.address);
            read.error("Conflicting arguments", detail, "Keep one of them.");
            return None;
        }
        (None, None) => {
            let detail = format!("{} has no passphrase.", read.address);
            let help = "Set passphrase, best to a variable that is sensitive, or give the whole block in TF_ENCRYPTION.";
            read.error("Passphrase missing", detail, help);
            return None;
        }
    };
    let (key_length, salt_length) = (key_length?, salt_length?);
    let own = Pbkdf2 { passphrase, key_length, iterations: iterations?, salt_length, hash: hash? };
    Some((Source::Pbkdf2(own), key_length))
}

/// Arguments that OpenTofu has for connections that this program cannot make.
const NOT_HERE: [&str; 4] = ["http_proxy", "https_proxy", "custom_ca_bundle", "insecure"];
/// Arguments that OpenTofu has for checks that this program does not make.
const IGNORED: [&str; 10] = [
    "skip_credentials_validation",
    "skip_requesting_account_id",
    "no_proxy",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "allowed_account_ids",
    "forbidden_account_ids",
    "retry_mode",
];

fn aws_kms(read: &mut Reader<'_>) -> Option<(Source, u32)> {
    for name in NOT_HERE {
        if read.take(name).is_some() {
            let detail = format!("{} has the argument {name}, which is not supported here.", read.address);
            read.error(
                "Unsupported argument",
                detail,
                "Set HTTPS_PROXY, and SSL_CERT_FILE for own certificates, in the environment.",
            );
        }
    }
    for name in
        ["use_dualstack_endpoint", "use_fips_endpoint", "allowed_account_ids", "forbidden_account_ids"]
    {
        let set = read.peek(name).is_some_and(|v| v.as_bool() != Some(false) && v.len() != Some(0));
        if set {
            let detail = format!("{} has the argument {name}, which is not supported here.", read.address);
            read.error(
                "Unsupported argument",
                detail,
                "Remove it; give the address of the service in endpoints.",
            );
        }
    }
    for name in IGNORED {
        read.take(name);
    }
    let need = |read: &mut Reader<'_>, name: &'static str, help: &str| {
        let text = read.text(name).filter(|t| !t.is_empty());
        if text.is_none() {
            let detail = format!("{} has no {name}.", read.address);
            read.error("Missing required argument", detail, help);
        }
        text
    };
    let kms_key_id =
        need(read, "kms_key_id", "Set kms_key_id to the ID, the ARN or an alias of a key of the service.");
    let key_spec = need(read, "key_spec", "Set key_spec to \"AES_256\".");
    let length = match key_spec.as_deref() {
        Some("AES_256") => 32,
        Some("AES_128") => 16,
        Some(other) => {
            let detail = format!("{}: there is no key_spec \"{other}\".", read.address);
            read.error("Invalid key specification", detail, "Set key_spec to \"AES_256\" or \"AES_128\".");
            return None;
        }
        None => return None,
    };
    let endpoints = read.take("endpoints");
    let endpoint = |name: &str| {
        let text = endpoints.as_ref()?.get(name).and_then(Value::as_str)?;
        Some(if text.contains("://") { text.to_owned() } else { format!("https://{text}") })
    };
    let own = AwsKms {
        kms_key_id: kms_key_id?,
        key_spec: key_spec?,
        region: read.text("region"),
        endpoint: endpoint("kms"),
        sts_endpoint: endpoint("sts"),
        sts_region: read.text("sts_region"),
        role: role(read),
        web_role: web_role(read),
        skip_metadata: read.take("skip_metadata_api_check").and_then(|v| v.as_bool()) == Some(true),
        access_key: read.text("access_key"),
        secret_key: read.text("secret_key").map(|t| t.as_str().into()),
        token: read.text("token").map(|t| t.as_str().into()),
        profile: read.text("profile"),
        shared_credentials_files: read.texts("shared_credentials_files"),
        shared_config_files: read.texts("shared_config_files"),
        max_retries: read.number("max_retries", 0, 100, 5),
    };
    Some((Source::AwsKms(own), length))
}

/// The role to take on.
fn role(read: &mut Reader<'_>) -> Option<Role> {
    let mut of = read.nested("assume_role")?;
    let role = Role {
        arn: of.text("role_arn").unwrap_or_default(),
        session_name: of.text("session_name"),
        external_id: of.text("external_id"),
        seconds: of.seconds("duration"),
        policy: of.text("policy"),
        policy_arns: of.texts("policy_arns"),
        source_identity: of.text("source_identity"),
        tags: of.map("tags"),
        transitive_tag_keys: of.texts("transitive_tag_keys"),
    };
    if role.arn.is_empty() {
        let detail = format!("{} has no role_arn.", of.address);
        of.error("Missing required argument", detail, "Set role_arn to the ARN of the role.");
    }
    of.finish();
    Some(role)
}

/// The role to take on with a token of somebody else's.
fn web_role(read: &mut Reader<'_>) -> Option<WebRole> {
    let mut of = read.nested("assume_role_with_web_identity")?;
    let role = WebRole {
        arn: of.text("role_arn"),
        session_name: of.text("session_name"),
        token: of.text("web_identity_token"),
        token_file: of.text("web_identity_token_file").map(PathBuf::from),
        seconds: of.seconds("duration"),
        policy: of.text("policy"),
        policy_arns: of.texts("policy_arns"),
    };
    of.finish();
    Some(role)
}

fn aes_gcm(read: &mut Reader<'_>, providers: &[(KeyProvider, u32)]) -> Option<MethodKind> {
    let aad = read.bytes("aad")?;
    let Some(keys) = read.text("keys") else {
        let detail = format!("{} has no keys.", read.address);
        read.error(
            "Missing required argument",
            detail,
            "Refer to a key provider: keys = key_provider.KIND.NAME",
        );
        return None;
    };
    let Some(at) = providers.iter().position(|(p, _)| p.address == keys) else {
        // One that is declared and has mistakes was told of.
        if read.diags.is_empty() {
            let detail = format!("There is no {keys}, which {} refers to.", read.address);
            read.error("Reference to undeclared key provider", detail, "Refer to key_provider.KIND.NAME.");
        }
        return None;
    };
    let length = providers[at].1;
    if !aes::LENGTHS.contains(&(length as usize)) {
        let detail =
            format!("{} takes keys of 16, 24 or 32 bytes, and {keys} gives {length} bytes.", read.address);
        read.error("Unsuitable key length", detail, "Set key_length of the key provider to 32.");
        return None;
    }
    Some(MethodKind::AesGcm { keys: at, aad })
}

/// Reads the arguments of a block one by one, and complains about what is left. Values are never quoted: they are secrets.
struct Reader<'a> {
    address: String,
    span: Span,
    left: BTreeMap<Str, Value>,
    asked: Vec<&'static str>,
    diags: &'a mut Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn new(component: &Component, address: String, diags: &'a mut Vec<Diagnostic>) -> Self {
        let mut left = component.arguments.clone();
        left.retain(|_, value| !value.is_null());
        Reader { address, span: component.span, left, asked: Vec::new(), diags }
    }

    fn error(&mut self, summary: &str, detail: String, help: &str) {
        self.diags.push(Diagnostic::error(summary, detail).at(self.span).help(help));
    }

    fn peek(&self, name: &str) -> Option<&Value> {
        self.left.get(name)
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.left.remove(name)
    }

    fn wrong(&mut self, name: &str, what: &str) {
        let detail = format!("{}: {name} is to be {what}.", self.address);
        self.diags.push(Diagnostic::error("Unsuitable value", detail).at(self.span));
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.take(name)?;
        let text = convert(&value, &Type::String).ok().and_then(|v| v.as_str().map(str::to_owned));
        if text.is_none() {
            self.wrong(name, "a string");
        }
        text
    }

    fn texts(&mut self, name: &'static str) -> Vec<String> {
        let Some(value) = self.take(name) else { return Vec::new() };
        let texts: Option<Vec<String>> =
            value.as_slice().map(|all| all.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect());
        match texts {
            Some(texts) if Some(texts.len()) == value.len() => texts,
            _ => {
                self.wrong(name, "a list of strings");
                Vec::new()
            }
        }
    }

    /// The arguments of an object.
    fn nested(&mut self, name: &'static str) -> Option<Reader<'_>> {
        let value = self.take(name)?;
        let Some(fields) = value.as_map() else {
            self.wrong(name, "an object");
            return None;
        };
        let mut left: BTreeMap<Str, Value> = fields.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        left.retain(|_, value| !value.is_null());
        let address = format!("{name} of {}", self.address);
        Some(Reader { address, span: self.span, left, asked: Vec::new(), diags: self.diags })
    }

    fn map(&mut self, name: &'static str) -> BTreeMap<String, String> {
        let Some(value) = self.take(name) else { return BTreeMap::new() };
        let texts = value.as_map().and_then(|all| {
            let text = |(k, v): (&Str, &Value)| Some((k.to_string(), v.as_str()?.to_owned()));
            all.iter().map(text).collect()
        });
        texts.unwrap_or_else(|| {
            self.wrong(name, "a map of strings");
            BTreeMap::new()
        })
    }

    fn seconds(&mut self, name: &'static str) -> Option<i32> {
        let text = self.text(name)?;
        let found = seconds(&text);
        if found.is_none() {
            self.wrong(name, "a duration, such as 1h30m");
        }
        found
    }

    fn number(&mut self, name: &'static str, min: u32, max: u32, default: u32) -> Option<u32> {
        let Some(value) = self.take(name) else { return Some(default) };
        let number = convert(&value, &Type::Number).ok();
        let number = number.as_ref().and_then(Value::as_number).and_then(|n| n.to_u64());
        let fit = number.and_then(|n| u32::try_from(n).ok()).filter(|n| (min..=max).contains(n));
        if fit.is_none() {
            let what = if max == u32::MAX {
                format!("a whole number, {min} at least")
            } else {
                format!("a whole number from {min} to {max}")
            };
            self.wrong(name, &what);
        }
        fit
    }

    fn bytes(&mut self, name: &'static str) -> Option<Vec<u8>> {
        let Some(value) = self.take(name) else { return Some(Vec::new()) };
        let byte = |v: &Value| v.as_number().and_then(|n| n.to_u64()).and_then(|n| u8::try_from(n).ok());
        let bytes = value.as_slice().and_then(|all| all.iter().map(byte).collect::<Option<Vec<u8>>>());
        if bytes.is_none() {
            self.wrong(name, "a list of numbers from 0 to 255");
        }
        bytes
    }

    fn finish(self) {
        for name in self.left.keys() {
            let detail = format!("An argument named \"{name}\" is not expected in {}.", self.address);
            let d = Diagnostic::error("Unsupported argument", detail).at(self.span);
            self.diags.push(match suggestion(name, self.asked.iter().copied()) {
                Some(near) => d.help(format!("Did you mean \"{near}\"?")),
                None => d,
            });
        }
    }
}
