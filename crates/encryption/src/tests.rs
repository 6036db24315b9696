//! Texts of other tools, rotations, migrations, and what is refused.

use crate::{AwsKms, Component, DataKey, Encryption, Kms, Sealer, Secret, Settings, Target};
use formwork_diag::{Sources, Span};
use formwork_value::{Str, Value};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A service that keeps the keys that it made, and counts how often it is asked.
#[derive(Default)]
struct Fake {
    made: Mutex<Vec<Vec<u8>>>,
    asked: AtomicUsize,
    broken: bool,
}

impl Kms for Fake {
    fn generate(&self, settings: &AwsKms) -> Result<DataKey, String> {
        if self.broken {
            return Err("GenerateDataKey was refused: AccessDeniedException: no".into());
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut made = self.made.lock().unwrap();
        let key = vec![made.len() as u8 + 1; if settings.key_spec == "AES_128" { 16 } else { 32 }];
        made.push(key.clone());
        Ok(DataKey { plaintext: key.into(), blob: vec![made.len() as u8] })
    }

    fn decrypt(&self, _: &AwsKms, blob: &[u8]) -> Result<Secret, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let made = self.made.lock().unwrap();
        let key = made.get(usize::from(blob[0]) - 1).cloned();
        key.map(Secret::from).ok_or_else(|| "Decrypt was refused: InvalidCiphertextException".into())
    }
}

fn span() -> Span {
    Span::new(Sources::default().add("main.tf", ""), 0, 0)
}

fn component(kind: &str, name: &str, arguments: &[(&str, Value)]) -> Component {
    let arguments = arguments.iter().map(|(n, v)| (Str::from(*n), v.clone()));
    Component { kind: kind.into(), name: name.into(), arguments: arguments.collect(), span: span() }
}

fn pbkdf2(name: &str, passphrase: &str, more: &[(&str, Value)]) -> Component {
    // As few iterations as are allowed: these are tests.
    let mut arguments = vec![("passphrase", Value::from(passphrase)), ("iterations", Value::from(200_000))];
    arguments.extend_from_slice(more);
    component("pbkdf2", name, &arguments)
}

fn aes(name: &str, keys: &str) -> Component {
    component("aes_gcm", name, &[("keys", Value::from(keys))])
}

fn target(methods: &[&str]) -> Option<Target> {
    let methods = methods.iter().map(|m| Some(Str::from(*m))).collect();
    Some(Target { enforced: false, methods, span: span() })
}

const A: &str = "correct horse battery staple";
const B: &str = "another passphrase, longer";
const PLAIN: &[u8] = br#"{"version": 4, "serial": 7, "lineage": "abc", "outputs": {"canary": 1}}"#;

/// `a` and `b` are passphrases, and methods that use them; `clear` is the method that does nothing.
fn settings(methods: &[&str]) -> Settings {
    Settings {
        key_providers: vec![pbkdf2("a", A, &[]), pbkdf2("b", B, &[])],
        methods: vec![
            aes("a", "key_provider.pbkdf2.a"),
            aes("b", "key_provider.pbkdf2.b"),
            component("unencrypted", "clear", &[]),
        ],
        state: target(methods),
        ..Settings::default()
    }
}

fn built(settings: &Settings) -> Result<Encryption, Vec<String>> {
    let told = |d: formwork_diag::Diagnostic| format!("{}: {}", d.summary, d.detail);
    settings.build(Arc::new(Fake::default())).map_err(|diags| diags.into_iter().map(told).collect())
}

fn sealer(methods: &[&str]) -> Arc<Sealer> {
    built(&settings(methods)).unwrap().state.unwrap()
}

fn golden(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../state"));
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn what_another_implementation_wrote_opens() {
    let plain = golden("golden/outputs.tfstate");
    let check = |file: &str, provider: Component, aad: &[u8]| {
        let bytes = aad.iter().map(|b| Value::from(i64::from(*b))).collect();
        let mut method = aes("m", &format!("key_provider.pbkdf2.{}", provider.name));
        method.arguments.insert("aad".into(), Value::tuple(bytes));
        let settings = Settings {
            key_providers: vec![provider],
            methods: vec![method],
            state: target(&["method.aes_gcm.m"]),
            ..Settings::default()
        };
        let sealer = built(&settings).unwrap().state.unwrap();
        let sealed = golden(&format!("golden-encrypted/{file}"));
        let unsealed = sealer.unseal_state(&sealed).unwrap();
        assert!(unsealed.text == plain && !unsealed.renew, "{file}");
        let again = sealer.seal_state(plain.clone()).unwrap();
        assert!(sealer.unseal_state(&again).unwrap().text == plain, "{file}");
    };
    check("pbkdf2.tfstate", component("pbkdf2", "main", &[("passphrase", Value::from(A))]), &[]);
    let more = [
        ("hash_function", Value::from("sha256")),
        ("key_length", Value::from("16")),
        ("salt_length", Value::from(16)),
        ("encrypted_metadata_alias", Value::from("shared")),
    ];
    check("pbkdf2-sha256-alias-aad.tfstate", pbkdf2("renamed", A, &more), &[1, 2, 255]);
    check("pbkdf2-aes192.tfstate", pbkdf2("main", A, &[("key_length", Value::from(24))]), &[]);
}

#[test]
fn the_envelope_has_opentofus_fields_in_its_order_and_nothing_of_the_text() {
    let sealer = sealer(&["method.aes_gcm.a"]);
    let text = String::from_utf8(sealer.seal_state(PLAIN.to_vec()).unwrap()).unwrap();
    let rest = text.strip_prefix(r#"{"serial":7,"lineage":"abc","meta":{"key_provider.pbkdf2.a":""#).unwrap();
    let (_, rest) = rest.split_once(r#""},"encrypted_data":""#).unwrap();
    assert!(rest.ends_with(r#"","encryption_version":"v0"}"#) && !text.contains("canary"));
    let record = String::from_utf8(sealer.seal(b"{\"canary\":1}".to_vec()).unwrap()).unwrap();
    assert!(record.starts_with(r#"{"meta":{"#) && !record.contains("canary"));
    assert_ne!(sealer.seal(PLAIN.to_vec()).unwrap(), sealer.seal(PLAIN.to_vec()).unwrap());
}

#[test]
fn rotation_and_migration_renew_what_was_sealed_in_another_way() {
    let check = |old: &[&str], new: &[&str], renew: bool| {
        let sealed = sealer(old).seal_state(PLAIN.to_vec()).unwrap();
        let now = sealer(new);
        let unsealed = now.unseal_state(&sealed).unwrap();
        assert_eq!((&*unsealed.text, unsealed.renew), (PLAIN, renew), "{old:?} {new:?}");
        let sealed = now.seal_state(PLAIN.to_vec()).unwrap();
        assert!(!now.unseal_state(&sealed).unwrap().renew);
    };
    let (a, b, clear) = ("method.aes_gcm.a", "method.aes_gcm.b", "method.unencrypted.clear");
    check(&[a], &[a], false);
    check(&[a], &[b, a], true);
    check(&[clear], &[a, clear], true);
    check(&[a], &[clear, a], true);
    check(&[a], &[b, clear, a], true);
    check(&[clear], &[clear], false);
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason_and_without_secrets() {
    let check = |stored: &[u8], methods: &[&str], expected: &str| {
        let failure = sealer(methods).unseal_state(stored).unwrap_err();
        assert_eq!(failure.problem, expected);
        assert!(!failure.help.is_empty() && !format!("{failure:?}").contains(A));
    };
    let sealed = sealer(&["method.aes_gcm.a"]).seal_state(PLAIN.to_vec()).unwrap();
    check(PLAIN, &["method.aes_gcm.a"], "it is not encrypted, and the configuration wants it to be.");
    check(
        &sealed,
        &["method.aes_gcm.b"],
        "it is encrypted with key_provider.pbkdf2.a, and cannot be decrypted: method.aes_gcm.b has its key from \
         key_provider.pbkdf2.b, which had no part in it.",
    );
    check(
        &sealed,
        &["method.unencrypted.clear"],
        "it is encrypted with key_provider.pbkdf2.a, and cannot be decrypted: the configuration has no method that decrypts.",
    );
    let text = String::from_utf8(sealed.clone()).unwrap();
    let changed = text.replace("\"serial\":7", "\"serial\":8");
    check(
        changed.as_bytes(),
        &["method.aes_gcm.a"],
        "the serial or lineage that it shows is not the one that was encrypted with it: somebody changed it.",
    );
    let not_right = "it is encrypted with key_provider.pbkdf2.a, and cannot be decrypted: the key that method.aes_gcm.a has from \
                     key_provider.pbkdf2.a is not the right one, or the text was changed since.";
    let at = text.find("encrypted_data\":\"").unwrap() + 60;
    let mut damaged = text.clone().into_bytes();
    damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
    check(&damaged, &["method.aes_gcm.a"], not_right);
    let mut other = settings(&["method.aes_gcm.a"]);
    other.key_providers[0] = pbkdf2("a", "wrong horse battery staple", &[]);
    let failure = built(&other).unwrap().state.unwrap().unseal_state(&sealed).unwrap_err();
    assert_eq!(failure.problem, not_right);
    damaged[at] = b'*';
    check(
        &damaged,
        &["method.aes_gcm.a"],
        "it is encrypted, and damaged: what stands in \"encrypted_data\" is not base64.",
    );
    let newer = text.replace("\"v0\"", "\"v9\"");
    check(
        newer.as_bytes(),
        &["method.aes_gcm.a"],
        "it is encrypted in version \"v9\" of the format, and \"v0\" is understood.",
    );
    // Wherever it is cut, it is an error and not a panic.
    for cut in 0..sealed.len() {
        assert!(sealer_of_a().unseal_state(&sealed[..cut]).is_err());
    }
}

/// One sealer for many texts.
fn sealer_of_a() -> Arc<Sealer> {
    static ONE: std::sync::OnceLock<Arc<Sealer>> = std::sync::OnceLock::new();
    ONE.get_or_init(|| sealer(&["method.aes_gcm.a"])).clone()
}

#[test]
fn every_bit_of_the_encrypted_data_is_guarded() {
    let sealer = sealer_of_a();
    let sealed = sealer.seal(b"{}".to_vec()).unwrap();
    let envelope = crate::envelope::read(&sealed).unwrap();
    for bit in 0..envelope.data.len() * 8 {
        let mut data = envelope.data.clone();
        data[bit / 8] ^= 1 << (bit % 8);
        let changed = crate::envelope::write(envelope.head.clone(), &envelope.meta, &data);
        assert!(sealer.unseal(&changed).is_err(), "bit {bit}");
    }
}

#[test]
fn what_cannot_be_is_told_before_anything_is_read() {
    let check = |settings: Settings, expected: &[&str]| {
        assert_eq!(built(&settings).err().unwrap_or_default(), expected);
    };
    let with = |edit: &dyn Fn(&mut Settings)| {
        let mut all = settings(&["method.aes_gcm.a"]);
        edit(&mut all);
        all
    };
    check(with(&|_| {}), &[]);
    check(
        with(&|s| s.key_providers[0] = pbkdf2("a", "too short", &[])),
        &["Passphrase too short: The passphrase of key_provider.pbkdf2.a has less than 16 bytes."],
    );
    check(
        with(&|s| s.key_providers[0] = component("pbkdf2", "a", &[])),
        &["Passphrase missing: key_provider.pbkdf2.a has no passphrase."],
    );
    check(
        with(&|s| {
            s.key_providers[0] =
                component("pbkdf2", "a", &[("iterations", Value::from(1000)), ("passphrase", Value::from(A))])
        }),
        &["Unsuitable value: key_provider.pbkdf2.a: iterations is to be a whole number, 200000 at least."],
    );
    check(
        with(&|s| s.key_providers[0] = pbkdf2("a", A, &[("hash_function", Value::from("md5"))])),
        &["Invalid hash function: key_provider.pbkdf2.a: there is no hash function \"md5\"."],
    );
    check(
        with(&|s| s.key_providers[0] = pbkdf2("a", A, &[("key_length", Value::from(20))])),
        &[
            "Unsuitable key length: method.aes_gcm.a takes keys of 16, 24 or 32 bytes, and key_provider.pbkdf2.a gives 20 bytes.",
        ],
    );
    check(
        with(&|s| s.key_providers[0] = pbkdf2("a", A, &[("passphrse", Value::from("x"))])),
        &["Unsupported argument: An argument named \"passphrse\" is not expected in key_provider.pbkdf2.a."],
    );
    check(
        with(&|s| s.key_providers.push(component("openbao", "x", &[]))),
        &[
            "Unknown key provider: key_provider.openbao.x: OpenTofu's key provider \"openbao\" is not supported here.",
        ],
    );
    check(
        with(&|s| s.key_providers.push(component("aws_kms", "x", &[("key_spec", Value::from("AES_256"))]))),
        &["Missing required argument: key_provider.aws_kms.x has no kms_key_id."],
    );
    check(
        with(&|s| {
            s.key_providers.push(component("pbkdf2", "x", &[("chain", Value::from("key_provider.pbkdf2.x"))]))
        }),
        &[
            "Key provider cannot be used: The chain of key_provider.pbkdf2.x leads to itself, or to a key provider that has \
           mistakes.",
        ],
    );
    check(
        with(&|s| s.methods.push(component("rot13", "x", &[]))),
        &["Unknown encryption method: There is no encryption method \"rot13\" here: method.rot13.x."],
    );
    check(
        with(&|s| s.state = Some(Target { enforced: true, methods: vec![None], span: span() })),
        &["Encryption method required: Encryption of \"state\" is enforced, and no method is given for it."],
    );
    check(
        with(&|s| {
            let methods = vec![Some("method.aes_gcm.a".into()), Some("method.unencrypted.clear".into())];
            s.state = Some(Target { enforced: true, methods, span: span() });
        }),
        &[
            "Unencrypted method is forbidden: Encryption of \"state\" is enforced, and state may nevertheless be stored or found \
           in clear.",
        ],
    );
}

#[test]
fn a_service_is_asked_once_for_a_new_key_and_once_for_each_old_one() {
    let kms = Arc::new(Fake::default());
    let arguments = [("kms_key_id", Value::from("alias/a")), ("key_spec", Value::from("AES_256"))];
    let all = Settings {
        key_providers: vec![component("aws_kms", "k", &arguments)],
        methods: vec![aes("m", "key_provider.aws_kms.k")],
        state: target(&["method.aes_gcm.m"]),
        plan: target(&["method.aes_gcm.m"]),
        ..Settings::default()
    };
    let build = || all.build(kms.clone()).unwrap();
    let asked = || kms.asked.swap(0, Ordering::Relaxed);
    let first = build().state.unwrap();
    let sealed: Vec<_> = (0..9).map(|_| first.seal(b"{}".to_vec()).unwrap()).collect();
    assert_eq!(asked(), 1);
    let second = build().state.unwrap();
    for text in &sealed {
        assert_eq!(&*second.unseal(text).unwrap().text, b"{}");
    }
    second.seal(b"{}".to_vec()).unwrap();
    assert_eq!(asked(), 2, "an old key is asked for, and a new one made");
    let broken: Arc<dyn Kms> = Arc::new(Fake { broken: true, ..Fake::default() });
    let failure = all.build(broken).unwrap().state.unwrap().seal(b"{}".to_vec()).unwrap_err();
    assert_eq!(
        failure.problem,
        "its key cannot be had from key_provider.aws_kms.k: GenerateDataKey was refused: AccessDeniedException: no."
    );
}

#[test]
fn a_key_may_be_made_from_another_one() {
    let arguments = [("kms_key_id", Value::from("alias/a")), ("key_spec", Value::from("AES_256"))];
    let chained = [("chain", Value::from("key_provider.aws_kms.k")), ("iterations", Value::from(200_000))];
    let all = Settings {
        // The order in which they stand does not matter.
        key_providers: vec![component("pbkdf2", "p", &chained), component("aws_kms", "k", &arguments)],
        methods: vec![aes("m", "key_provider.pbkdf2.p")],
        plan: target(&["method.aes_gcm.m"]),
        ..Settings::default()
    };
    let kms = Arc::new(Fake::default());
    let sealed = all.build(kms.clone()).unwrap().plan.unwrap().seal(b"plan".to_vec()).unwrap();
    let envelope = crate::envelope::read(&sealed).unwrap();
    let names: Vec<&String> = envelope.meta.keys().collect();
    assert_eq!(names, ["key_provider.aws_kms.k", "key_provider.pbkdf2.p"]);
    assert_eq!(&*all.build(kms).unwrap().plan.unwrap().unseal(&sealed).unwrap().text, b"plan");
}

#[test]
fn remote_states_are_found_by_name() {
    let mut all = settings(&["method.aes_gcm.a"]);
    let named = |name: &str, method: &str| (Some(Str::from(name)), target(&[method]).unwrap());
    all.remote = vec![
        (None, target(&["method.aes_gcm.a"]).unwrap()),
        named("net.vpc", "method.aes_gcm.b"),
        named("net.vpc[0]", "method.unencrypted.clear"),
    ];
    let encryption = built(&all).unwrap();
    let check = |name: &str, encrypts: bool, like: &str| {
        let found = encryption.remote(name).unwrap();
        assert_eq!(found.encrypts(), encrypts, "{name}");
        if encrypts {
            let sealed = sealer(&[like]).seal_state(PLAIN.to_vec()).unwrap();
            assert!(found.unseal_state(&sealed).is_ok(), "{name}");
        }
    };
    check("other", true, "method.aes_gcm.a");
    check("net.vpc[1]", true, "method.aes_gcm.b");
    check("net.vpc[0]", false, "");
    all.remote.remove(0);
    assert!(built(&all).unwrap().remote("other").is_none());
}

#[test]
fn secrets_are_not_printed() {
    let key = AwsKms { secret_key: Some(A.into()), token: Some(B.into()), ..AwsKms::default() };
    let shown = format!("{key:?} {:?}", DataKey { plaintext: A.into(), blob: Vec::new() });
    assert!(!shown.contains(A) && !shown.contains(B) && shown.contains("(secret)"), "{shown}");
}
