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
#[function(example = r#"md5("hello world")"#, gives = r#""5eb63bbbe01eeed093cb22bb8f5acdc3""#)]
fn md5(str: &str) -> String {
    hex(&Md5::digest(str))
}

/// The SHA-1 sum of a string, in hexadecimal.
#[function(example = r#"sha1("hello world")"#, gives = r#""2aae6c35c94fcfb415dbe95f408b9ce91ee846ed""#)]
fn sha1(str: &str) -> String {
    hex(&Sha1::digest(str))
}

/// The SHA-256 sum of a string, in hexadecimal.
#[function(
    example = r#"sha256("hello world")"#,
    gives = r#""b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9""#
)]
fn sha256(str: &str) -> String {
    hex(&Sha256::digest(str))
}

/// The SHA-512 sum of a string, in hexadecimal.
#[function(
    example = r#"sha512("hello world")"#,
    gives = r#""309ecc489c12d6eb4cc40f50c902f2b4d0ed77ee511a7c7a9bcd3ca86d4cd86f989dd35bc5ff499670da34255b45b0cfd830e81f605dcf7dc5542e93ae9cd76f""#
)]
fn sha512(str: &str) -> String {
    hex(&Sha512::digest(str))
}

/// The SHA-256 sum of a string, in Base64.
#[function(
    example = r#"base64sha256("hello world")"#,
    gives = r#""uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=""#
)]
fn base64sha256(str: &str) -> String {
    encode_base64(&Sha256::digest(str))
}

/// The SHA-512 sum of a string, in Base64.
#[function(
    example = r#"base64sha512("hello world")"#,
    gives = r#""MJ7MSJwS1utMxA9QyQLytNDtd+5RGnx6m808qG1M2G+YndNbxf9JlnDaNCVbRbDP2DDoH2Bdz33FVC6TrpzXbw==""#
)]
fn base64sha512(str: &str) -> String {
    encode_base64(&Sha512::digest(str))
}

/// The MD5 sum of a file, in hexadecimal.
#[function(example = r#"filemd5("a.txt")"#, gives = r#""b1946ac92492d2347c6235b4d2611184""#)]
fn filemd5(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Md5::digest(read(cx, path)?)))
}

/// The SHA-1 sum of a file, in hexadecimal.
#[function(example = r#"filesha1("a.txt")"#, gives = r#""f572d396fae9206628714fb2ce00f72e94f2258f""#)]
fn filesha1(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Sha1::digest(read(cx, path)?)))
}

/// The SHA-256 sum of a file, in hexadecimal.
#[function(
    example = r#"filesha256("a.txt")"#,
    gives = r#""5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03""#
)]
fn filesha256(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Sha256::digest(read(cx, path)?)))
}

/// The SHA-512 sum of a file, in hexadecimal.
#[function(
    example = r#"filesha512("a.txt")"#,
    gives = r#""e7c22b994c59d9cf2b48e549b1e24666636045930d3da7c1acb299d1c3b7f931f94aae41edda2c2b207a36e10f8bcb8d45223e54878f5b316e7ce3b6bc019629""#
)]
fn filesha512(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(hex(&Sha512::digest(read(cx, path)?)))
}

/// The SHA-256 sum of a file, in Base64.
#[function(
    example = r#"filebase64sha256("a.txt")"#,
    gives = r#""WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=""#
)]
fn filebase64sha256(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(encode_base64(&Sha256::digest(read(cx, path)?)))
}

/// The SHA-512 sum of a file, in Base64.
#[function(
    example = r#"filebase64sha512("a.txt")"#,
    gives = r#""58IrmUxZ2c8rSOVJseJGZmNgRZMNPafBrLKZ0cO3+TH5Sq5B7dosKyB6NuEPi8uNRSI+VIePWzFufOO2vAGWKQ==""#
)]
fn filebase64sha512(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(encode_base64(&Sha512::digest(read(cx, path)?)))
}

/// A random identifier; another one in each run, so it is unknown in a plan.
#[function(result = Type::String, example = "uuid()")]
fn uuid(cx: &mut CallCx<'_>) -> FnResult {
    Ok(cx.scope.world().uuid().map_or_else(|| Value::unknown_not_null(Type::String), Value::string))
}

/// A salted Blowfish hash of a string, as password files hold; another one in each run, so it is unknown in a plan.
#[function(result = Type::String, example = r#"bcrypt("hello world")"#)]
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
#[function(result = Type::String, example = r#"uuidv5("dns", "www.example.com")"#, gives = r#""2ed6657d-e927-568b-95e1-2665a8aea6a2""#)]
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
