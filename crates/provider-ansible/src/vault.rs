//! Ansible vault: text encrypted with a password, in the formats 1.1 and 1.2 (with a label) that
//! `ansible-vault encrypt_string` writes: PBKDF2 with HMAC-SHA256, AES-256 in counter mode, and HMAC-SHA256 over what was
//! encrypted.

use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use formwork_provider::{FnError, FnResult, Function, function};
use formwork_value::{Mark, Type, Value};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const ROUNDS: u32 = 10_000;
const BLOCK: usize = 16;
/// Hexadecimal digits in a line.
const LINE: usize = 80;

pub(crate) fn functions() -> Vec<Function> {
    vec![vault_encrypt(), vault_decrypt()]
}

/// A text encrypted with a password, as `ansible-vault` does; an optional third argument is the label of a vault
/// identity. The same arguments give the same result, which therefore shows when two of them are equal.
#[function(
    result = Type::String,
    example = r#"provider::ansible::vault_decrypt(provider::ansible::vault_encrypt("hunter2", "password"), "password")"#,
    gives = "(sensitive value)"
)]
fn vault_encrypt(text: &str, password: &str, #[arg(rest, ty = Type::String)] label: &[Value]) -> FnResult {
    let label = match label {
        [] => None,
        [label] => label.as_str().filter(|l| !l.is_empty()),
        more => return Err(FnError::new(format!("it takes two or three arguments, not {}", more.len() + 2))),
    };
    if label.is_some_and(|l| l.contains([';', '\n', '\r'])) {
        return Err(FnError::arg(2, "a label has neither semicolons nor line breaks"));
    }
    // A salt must not repeat for different texts, and need not be random.
    let salt =
        code(password.as_bytes(), &[label.unwrap_or_default().as_bytes(), b"\n", text.as_bytes()].concat());
    Ok(Value::string(encrypt(text, password, &salt, label)).mark(Mark::Sensitive))
}

/// The text that `ansible-vault` has encrypted with a password; the result is sensitive.
#[function(
    result = Type::String,
    example = r#"provider::ansible::vault_decrypt(file("secret.yml"), "password")"#,
    gives = ""
)]
fn vault_decrypt(vault: &str, password: &str) -> FnResult {
    decrypt(vault, password).map(|text| Value::string(text).mark(Mark::Sensitive))
}

fn encrypt(text: &str, password: &str, salt: &[u8], label: Option<&str>) -> String {
    let keys = Keys::new(password, salt);
    let mut data = text.as_bytes().to_vec();
    let missing = BLOCK - data.len() % BLOCK;
    data.extend(std::iter::repeat_n(missing as u8, missing));
    keys.apply(&mut data);
    let body = [hex(salt), hex(&code(&keys.sum, &data)), hex(&data)].join("\n");
    let mut out = match label {
        Some(label) => format!("$ANSIBLE_VAULT;1.2;AES256;{label}\n"),
        None => "$ANSIBLE_VAULT;1.1;AES256\n".to_owned(),
    };
    for (i, digit) in hex(body.as_bytes()).chars().enumerate() {
        if i > 0 && i % LINE == 0 {
            out.push('\n');
        }
        out.push(digit);
    }
    out.push('\n');
    out
}

fn decrypt(vault: &str, password: &str) -> Result<String, FnError> {
    let wrong = |why: &str| FnError::arg(0, format!("it is not what ansible-vault writes: {why}"));
    let mut lines = vault.trim_start().lines().map(str::trim);
    let header: Vec<&str> = lines.next().unwrap_or_default().split(';').collect();
    match header[..] {
        ["$ANSIBLE_VAULT", "1.1", "AES256"] | ["$ANSIBLE_VAULT", "1.2", "AES256", _] => {}
        ["$ANSIBLE_VAULT", version, cipher, ..] => {
            return Err(wrong(&format!(
                "version {version} with {cipher} is not known; 1.1 and 1.2 with AES256 are"
            )));
        }
        _ => return Err(wrong("its first line does not begin with $ANSIBLE_VAULT;")),
    }
    let body = unhex(&lines.collect::<String>()).ok_or_else(|| wrong("its lines are not hexadecimal"))?;
    let parts: Option<Vec<Vec<u8>>> =
        body.split(|b| *b == b'\n').map(|part| unhex(std::str::from_utf8(part).ok()?)).collect();
    let Some([salt, sum, data]) = parts.as_deref() else {
        return Err(wrong("it has not the three parts salt, checksum and text"));
    };
    let keys = Keys::new(password, salt);
    let mut mac = mac(&keys.sum);
    mac.update(data);
    mac.verify_slice(sum).map_err(|_| FnError::new("the password is wrong, or the text was changed"))?;
    let mut data = data.clone();
    keys.apply(&mut data);
    let padding = data.last().map_or(0, |b| usize::from(*b));
    if !(1..=BLOCK).contains(&padding) || padding > data.len() {
        return Err(wrong("its padding is damaged"));
    }
    data.truncate(data.len() - padding);
    String::from_utf8(data).map_err(|_| FnError::arg(0, "what was encrypted is not text in UTF-8"))
}

/// What is made from a password.
struct Keys {
    cipher: [u8; 32],
    sum: [u8; 32],
    counter: [u8; BLOCK],
}

impl Keys {
    fn new(password: &str, salt: &[u8]) -> Keys {
        let mut all = [0; 80];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, ROUNDS, &mut all);
        let mut keys = Keys { cipher: [0; 32], sum: [0; 32], counter: [0; BLOCK] };
        keys.cipher.copy_from_slice(&all[..32]);
        keys.sum.copy_from_slice(&all[32..64]);
        keys.counter.copy_from_slice(&all[64..]);
        keys
    }

    /// Encrypts or decrypts.
    fn apply(&self, data: &mut [u8]) {
        ctr::Ctr128BE::<Aes256>::new(&self.cipher.into(), &self.counter.into()).apply_keystream(data);
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    // Keys of any length will do.
    Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()))
}

fn code(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = mac(key);
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |b: u8| char::from(b).to_digit(16);
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by `ansible-vault encrypt_string --vault-id dev@…` of ansible-core 2.
    const WRITTEN: &str = include_str!("vault_test.txt");

    #[test]
    fn reads_what_ansible_wrote() {
        assert_eq!(decrypt(WRITTEN, "password").unwrap(), "hunter2");
        let told = decrypt(WRITTEN, "other").unwrap_err().message;
        assert!(told.contains("password is wrong"), "{told}");
    }

    #[test]
    fn reads_what_it_wrote() {
        for text in ["", "a", "exactly 16 bytes", "line\nline\n", "é😀", &"x".repeat(1000)] {
            for label in [None, Some("dev")] {
                let vault = encrypt(text, "password", b"salt", label);
                assert!(vault.lines().all(|l| l.len() <= LINE));
                assert_eq!(decrypt(&vault, "password").unwrap(), text);
            }
        }
        let call = |text: &str| vault_encrypt().call(vec![text.into(), "password".into()]).unwrap();
        assert_eq!(call("a"), call("a"));
        assert_ne!(call("a"), call("b"));
        assert!(call("a").has_mark(Mark::Sensitive));
    }

    #[test]
    fn says_what_is_wrong() {
        for (vault, why) in [
            ("", "first line"),
            ("hunter2", "first line"),
            ("$ANSIBLE_VAULT;1.0;AES\n00", "version 1.0"),
            ("$ANSIBLE_VAULT;1.1;AES256\nxyz", "hexadecimal"),
            ("$ANSIBLE_VAULT;1.1;AES256\n3030", "three parts"),
        ] {
            let told = decrypt(vault, "p").unwrap_err().message;
            assert!(told.contains(why) && !told.contains("hunter2"), "{vault}: {told}");
        }
    }
}
