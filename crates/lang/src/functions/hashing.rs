//! Checksums and identifiers.

use super::encoding::encode_base64;
use super::files::read;
use super::*;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

library![
    md5,
    sha1,
    sha256,
    sha512,
    base64sha256,
    base64sha512,
    filemd5,
    filesha1,
    filesha256,
    filesha512,
    filebase64sha256,
    filebase64sha512,
    uuid,
    bcrypt,
    uuidv5
];

/// The MD5 sum of a string, in hexadecimal.
#[function(example = r#"md5("hello world")"#, gives = "")]
fn md5(str: &str) -> String {
    hex(&Md5::digest(str))
}

/// The SHA-1 sum of a string, in hexadecimal.
#[function(example = r#"sha1("hello world")"#, gives = "")]
fn sha1(str: &str) -> String {
    hex(&Sha1::digest(str))
}

/// The SHA-256 sum of a string, in hexadecimal.
#[function(example = r#"sha256("hello world")"#, gives = "")]
fn sha256(str: &str) -> String {
    hex(&Sha256::digest(str))
}

/// The SHA-512 sum of a string, in hexadecimal.
#[function(example = r#"sha512("hello world")"#, gives = "")]
fn sha512(str: &str) -> String {
    hex(&Sha512::digest(str))
}

/// The SHA-256 sum of a string, in Base64.
#[function(example = r#"base64sha256("hello world")"#, gives = "")]
fn base64sha256(str: &str) -> String {
    encode_base64(&Sha256::digest(str))
}

/// The SHA-512 sum of a string, in Base64.
#[function(example = r#"base64sha512("hello world")"#, gives = "")]
fn base64sha512(str: &str) -> String {
    encode_base64(&Sha512::digest(str))
}

/// The MD5 sum of a file, in hexadecimal.
#[function(example = r#"filemd5("a.txt")"#, gives = "")]
fn filemd5(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Md5::digest(read(cx, path)?)))
}

/// The SHA-1 sum of a file, in hexadecimal.
#[function(example = r#"filesha1("a.txt")"#, gives = "")]
fn filesha1(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Sha1::digest(read(cx, path)?)))
}

/// The SHA-256 sum of a file, in hexadecimal.
#[function(example = r#"filesha256("a.txt")"#, gives = "")]
fn filesha256(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Sha256::digest(read(cx, path)?)))
}

/// The SHA-512 sum of a file, in hexadecimal.
#[function(example = r#"filesha512("a.txt")"#, gives = "")]
fn filesha512(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Sha512::digest(read(cx, path)?)))
}

/// The SHA-256 sum of a file, in Base64.
#[function(example = r#"filebase64sha256("a.txt")"#, gives = "")]
fn filebase64sha256(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(encode_base64(&Sha256::digest(read(cx, path)?)))
}

/// The SHA-512 sum of a file, in Base64.
#[function(example = r#"filebase64sha512("a.txt")"#, gives = "")]
fn filebase64sha512(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(encode_base64(&Sha512::digest(read(cx, path)?)))
}

/// A random identifier; another one in each run, so it is unknown in a plan.
#[function(result = Type::String, example = "uuid()", gives = "")]
fn uuid(cx: &mut CallCx<'_>) -> FnResult {
    Ok(cx.scope.world().uuid().map_or_else(|| Value::unknown_not_null(Type::String), Value::string))
}

/// A salted Blowfish hash of a string, as password files hold; another one in each run, so it is unknown in a plan.
#[function(result = Type::String, example = r#"bcrypt("hello world")"#, gives = "")]
fn bcrypt(cx: &mut CallCx<'_>, str: &str, #[arg(rest, ty = Type::Number)] cost: &[Value]) -> FnResult {
    let cost = match cost {
        [] => 10,
        [_] => match i64::read(cost, 0)? {
            // As in Terraform, less than the least cost means the default.
            ..4 => 10,
            cost => u32::try_from(cost)
                .ok()
                .filter(|c| *c <= 31)
                .ok_or_else(|| FnError::arg(1, "the cost must be at most 31"))?,
        },
        more => return Err(FnError::new(format!("it takes one or two arguments, not {}", more.len() + 1))),
    };
    if str.len() > 72 {
        return Err(FnError::arg(0, "it is longer than 72 bytes, all that bcrypt takes into account"));
    }
    let Some(uuid) = cx.scope.world().uuid() else { return Ok(Value::unknown_not_null(Type::String)) };
    // Made from a fresh UUID, so that the world stays the only source of randomness.
    let mut salt = [0u8; 16];
    salt.copy_from_slice(&Sha256::digest(uuid.as_bytes())[..16]);
    let parts = bcrypt::hash_with_salt(str, cost, salt).map_err(|e| FnError::new(e.to_string()))?;
    Ok(Value::string(parts.format_for_version(bcrypt::Version::TwoA)))
}

/// The identifier that belongs to a name in a namespace: dns, url, oid, x500 or a UUID.
#[function(result = Type::String, example = r#"uuidv5("dns", "www.example.com")"#, gives = "")]
fn uuidv5(namespace: &str, name: &str) -> FnResult {
    let namespace = match namespace {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => {
            Uuid::parse_str(other).map_err(|_| FnError::arg(0, "it must be dns, url, oid, x500 or a UUID"))?
        }
    };
    Ok(Value::string(Uuid::new_v5(&namespace, name.as_bytes()).to_string()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
