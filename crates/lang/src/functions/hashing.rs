//! Checksums and identifiers.

use super::encoding::encode_base64;
use super::files::read;
use super::*;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

pub(super) fn all() -> Vec<Function> {
    let of_text = |name, description, example, body: Body| {
        Function::new(name, [string("str")], to_string, description, example, body)
    };
    let of_file = |name, description, example, body: Body| {
        Function::new(name, [string("path")], to_string, description, example, body)
    };
    vec![
        of_text("md5", "The MD5 sum of a string, in hexadecimal.", "md5(\"hello world\")", |_, a| {
            Ok(hex(&Md5::digest(text_arg(a, 0))))
        }),
        of_text("sha1", "The SHA-1 sum of a string, in hexadecimal.", "sha1(\"hello world\")", |_, a| {
            Ok(hex(&Sha1::digest(text_arg(a, 0))))
        }),
        of_text("sha256", "The SHA-256 sum of a string, in hexadecimal.", "sha256(\"hello world\")", |_, a| {
            Ok(hex(&Sha256::digest(text_arg(a, 0))))
        }),
        of_text("sha512", "The SHA-512 sum of a string, in hexadecimal.", "sha512(\"hello world\")", |_, a| {
            Ok(hex(&Sha512::digest(text_arg(a, 0))))
        }),
        of_text("base64sha256", "The SHA-256 sum of a string, in Base64.", "base64sha256(\"hello world\")", |_, a| {
            Ok(encode_base64(&Sha256::digest(text_arg(a, 0))))
        }),
        of_text("base64sha512", "The SHA-512 sum of a string, in Base64.", "base64sha512(\"hello world\")", |_, a| {
            Ok(encode_base64(&Sha512::digest(text_arg(a, 0))))
        }),
        of_file("filemd5", "The MD5 sum of a file, in hexadecimal.", "filemd5(\"a.txt\")", |cx, a| {
            Ok(hex(&Md5::digest(read(cx, a)?)))
        }),
        of_file("filesha1", "The SHA-1 sum of a file, in hexadecimal.", "filesha1(\"a.txt\")", |cx, a| {
            Ok(hex(&Sha1::digest(read(cx, a)?)))
        }),
        of_file("filesha256", "The SHA-256 sum of a file, in hexadecimal.", "filesha256(\"a.txt\")", |cx, a| {
            Ok(hex(&Sha256::digest(read(cx, a)?)))
        }),
        of_file("filesha512", "The SHA-512 sum of a file, in hexadecimal.", "filesha512(\"a.txt\")", |cx, a| {
            Ok(hex(&Sha512::digest(read(cx, a)?)))
        }),
        of_file("filebase64sha256", "The SHA-256 sum of a file, in Base64.", "filebase64sha256(\"a.txt\")", |cx, a| {
            Ok(encode_base64(&Sha256::digest(read(cx, a)?)))
        }),
        of_file("filebase64sha512", "The SHA-512 sum of a file, in Base64.", "filebase64sha512(\"a.txt\")", |cx, a| {
            Ok(encode_base64(&Sha512::digest(read(cx, a)?)))
        }),
        Function::new(
            "uuid",
            [],
            to_string,
            "A random identifier; another one in each run, so it is unknown in a plan.",
            "uuid()",
            |cx, _| {
                Ok(cx
                    .scope
                    .world()
                    .uuid()
                    .map_or_else(|| Value::unknown_not_null(Type::String), Value::string))
            },
        ),
        Function::new(
            "bcrypt",
            [string("str")],
            to_string,
            "A salted Blowfish hash of a string, as password files hold; another one in each run, so it is unknown in a plan.",
            "bcrypt(\"hello world\")",
            |cx, a| bcrypt_hash(cx, a),
        )
        .variadic(number("cost")),
        Function::new(
            "uuidv5",
            [string("namespace"), string("name")],
            to_string,
            "The identifier that belongs to a name in a namespace: dns, url, oid, x500 or a UUID.",
            "uuidv5(\"dns\", \"www.example.com\")",
            |_, a| {
                let namespace = match text_arg(a, 0) {
                    "dns" => Uuid::NAMESPACE_DNS,
                    "url" => Uuid::NAMESPACE_URL,
                    "oid" => Uuid::NAMESPACE_OID,
                    "x500" => Uuid::NAMESPACE_X500,
                    other => Uuid::parse_str(other)
                        .map_err(|_| FnError::arg(0, "it must be dns, url, oid, x500 or a UUID"))?,
                };
                Ok(Value::string(Uuid::new_v5(&namespace, text_arg(a, 1).as_bytes()).to_string()))
            },
        ),
    ]
}

/// With a salt made from a fresh UUID, so that the world stays the only source of randomness.
fn bcrypt_hash(cx: &CallCx<'_>, args: &[Value]) -> Result<Value, FnError> {
    let cost = match args.len() {
        1 => 10,
        2 => match whole_arg(args, 1)? {
            // As in Terraform, less than the least cost means the default.
            ..4 => 10,
            cost => u32::try_from(cost)
                .ok()
                .filter(|c| *c <= 31)
                .ok_or_else(|| FnError::arg(1, "the cost must be at most 31"))?,
        },
        n => return Err(FnError::new(format!("it takes one or two arguments, not {n}"))),
    };
    let password = text_arg(args, 0);
    if password.len() > 72 {
        return Err(FnError::arg(0, "it is longer than 72 bytes, all that bcrypt takes into account"));
    }
    let Some(uuid) = cx.scope.world().uuid() else { return Ok(Value::unknown_not_null(Type::String)) };
    let mut salt = [0u8; 16];
    salt.copy_from_slice(&Sha256::digest(uuid.as_bytes())[..16]);
    let parts = bcrypt::hash_with_salt(password, cost, salt).map_err(|e| FnError::new(e.to_string()))?;
    Ok(Value::string(parts.format_for_version(bcrypt::Version::TwoA)))
}

fn hex(bytes: &[u8]) -> Value {
    Value::string(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
}
