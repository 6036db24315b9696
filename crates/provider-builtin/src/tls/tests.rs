//! Keys and certificates are read back here, and by OpenSSL and OpenSSH where they are installed.

use crate::tests::{Bench, NOON, paths, resource, text, whole};
use formwork_provider::Object;
use formwork_value::{Type, Value};
use std::path::Path;
use std::process::Command;

/// Runs a tool on files of a folder; `None` where it is not installed.
fn run(folder: &Path, command: &str) -> Option<String> {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next()?).args(words).current_dir(folder).output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command}: {}{}", text(&output.stdout), text(&output.stderr));
    Some(text(&output.stdout))
}

fn save(folder: &Path, name: &str, object: &Object, attribute: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, text(object, attribute)).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn strings(items: &[&str]) -> Value {
    Value::list(Type::String, items.iter().map(|i| Value::from(*i)).collect())
}

#[tokio::test]
async fn keys_are_what_other_tools_read() {
    let bench = Bench::at(NOON).await;
    for (algorithm, curve) in [
        ("RSA", "P224"),
        ("ECDSA", "P224"),
        ("ECDSA", "P256"),
        ("ECDSA", "P384"),
        ("ECDSA", "P521"),
        ("ED25519", "P224"),
    ] {
        let arguments = [
            ("algorithm", algorithm.into()),
            ("ecdsa_curve", curve.into()),
            ("openssh_comment", "me".into()),
        ];
        let made = bench.make("tls_private_key", &arguments).await;
        for attribute in ["private_key_pem", "private_key_pem_pkcs8"] {
            let key = super::key::Key::from_pem(text(&made, attribute)).unwrap();
            assert_eq!(key.pem(), text(&made, "private_key_pem"));
            assert_eq!(key.pkcs8_pem(), text(&made, "private_key_pem_pkcs8"));
            assert_eq!(key.public().pem(), text(&made, "public_key_pem"));
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        save(at, "key", &made, "private_key_pem");
        save(at, "pkcs8", &made, "private_key_pem_pkcs8");
        save(at, "openssh", &made, "private_key_openssh");
        save(at, "public", &made, "public_key_openssh");
        for file in ["key", "pkcs8"] {
            if let Some(public) = run(at, &format!("openssl pkey -in {file} -check -pubout")) {
                assert!(public.ends_with(text(&made, "public_key_pem")), "{algorithm} {curve}: {public}");
            }
        }
        if text(&made, "private_key_openssh").is_empty() {
            assert_eq!((algorithm, curve), ("ECDSA", "P224"));
            continue;
        }
        if let Some(public) = run(at, "ssh-keygen -y -f openssh") {
            assert_eq!(public, text(&made, "public_key_openssh"));
            let print = run(at, "ssh-keygen -l -f public -E md5").unwrap();
            assert!(print.contains(text(&made, "public_key_fingerprint_md5")), "{print}");
            let print = run(at, "ssh-keygen -l -f public -E sha256").unwrap();
            assert!(print.contains(text(&made, "public_key_fingerprint_sha256")), "{print}");
        }
        let data = crate::tls::data_sources().remove(0);
        for attribute in ["private_key_pem", "private_key_openssh"] {
            let config = whole(data.schema(), &[(attribute, text(&made, attribute).into())]);
            let found = data.read(&bench.call(), &config).await.unwrap();
            assert_eq!(found.get("id"), made.value.get("id"), "{algorithm} {curve} {attribute}");
            assert_eq!(found.get("algorithm"), Some(&Value::from(algorithm)));
        }
    }
}

#[tokio::test]
async fn certificates_are_what_other_tools_verify() {
    let bench = Bench::at(NOON).await;
    let subject = |name: &str| {
        let parts = [
            ("common_name", name),
            ("organization", "Ä & Co"),
            ("country", "CH"),
            ("email_address", "a@b.ch"),
        ];
        let Type::List(ty) = resource("tls_cert_request").schema().block.blocks["subject"].ty() else {
            panic!()
        };
        let Type::Object(all) = &*ty else { panic!() };
        let mut map: formwork_value::Map =
            all.attrs.iter().map(|(name, ty)| (name.clone(), Value::null(ty.clone()))).collect();
        map.extend(parts.map(|(name, text)| (name.into(), Value::from(text))));
        map.insert("street_address".into(), strings(&["Weg 1", "Haus"]));
        Value::list((*ty).clone(), vec![Value::from(map)])
    };
    for (algorithm, curve) in
        [("RSA", "P224"), ("ECDSA", "P224"), ("ECDSA", "P384"), ("ECDSA", "P521"), ("ED25519", "P224")]
    {
        let key = [("algorithm", algorithm.into()), ("ecdsa_curve", curve.into())];
        let (ca_key, key) =
            (bench.make("tls_private_key", &key).await, bench.make("tls_private_key", &key).await);
        let pem = |key: &Object| Value::from(text(key, "private_key_pem"));
        let ca = bench
            .make(
                "tls_self_signed_cert",
                &[
                    ("private_key_pem", pem(&ca_key)),
                    ("validity_period_hours", (30 * 8766i64).into()),
                    ("allowed_uses", strings(&["cert_signing", "crl_signing"])),
                    ("is_ca_certificate", true.into()),
                    ("subject", subject("The authority")),
                ],
            )
            .await;
        assert_eq!(text(&ca, "validity_start_time"), "2026-07-17T12:00:00Z");
        let request = bench
            .make(
                "tls_cert_request",
                &[
                    ("private_key_pem", pem(&key)),
                    ("dns_names", strings(&["example.com", "*.example.com"])),
                    ("ip_addresses", strings(&["10.0.0.1", "::1"])),
                    ("uris", strings(&["spiffe://example.com/x"])),
                    ("subject", subject("example.com")),
                ],
            )
            .await;
        let arguments = [
            ("ca_cert_pem", text(&ca, "cert_pem").into()),
            ("ca_private_key_pem", pem(&ca_key)),
            ("cert_request_pem", text(&request, "cert_request_pem").into()),
            ("validity_period_hours", 24i64.into()),
            ("early_renewal_hours", 2i64.into()),
            ("allowed_uses", strings(&["key_encipherment", "digital_signature", "server_auth"])),
            ("set_subject_key_id", true.into()),
        ];
        let made = bench.make("tls_locally_signed_cert", &arguments).await;

        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        save(at, "ca", &ca, "cert_pem");
        save(at, "csr", &request, "cert_request_pem");
        save(at, "cert", &made, "cert_pem");
        run(at, "openssl req -in csr -noout -verify");
        let verify = "openssl verify -x509_strict -attime 1784293200 -purpose sslserver -CAfile ca";
        run(at, &format!("{verify} -verify_hostname www.example.com cert"));
        run(at, &format!("{verify} -verify_ip 10.0.0.1 cert"));
        if let Some(shown) = run(at, "openssl x509 -in cert -noout -text") {
            for wanted in [
                "DNS:example.com, DNS:*.example.com, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1, \
                 URI:spiffe://example.com/x",
                "Digital Signature, Key Encipherment",
                "TLS Web Server Authentication",
                "CA:FALSE",
                "Not After : Jul 18 12:00:00 2026 GMT",
                "CN = The authority",
            ] {
                let squeezed = |text: &str| text.replace(" = ", "=");
                assert!(squeezed(&shown).contains(&squeezed(wanted)), "{wanted}\n{shown}");
            }
        }

        let ty = resource("tls_locally_signed_cert");
        let config = whole(ty.schema(), &arguments);
        let plan_at = async |hours: i128| {
            let bench = Bench::at(NOON + hours * 3_600_000_000_000).await;
            let seen = ty.read(&bench.call(), &made).await.unwrap().unwrap();
            (paths(&bench.plan("tls_locally_signed_cert", &config, Some(&seen)).await), seen)
        };
        assert_eq!(plan_at(21).await, (vec![], made.clone()));
        let (replace, seen) = plan_at(22).await;
        assert_eq!(replace, [".ready_for_renewal"]);
        assert_eq!(seen.value.get("ready_for_renewal"), Some(&Value::from(true)));
    }
}
