//! JSON and printing.

use super::conversion::any_value;
use super::{json, secret, ty};
use crate::json::{decode, decode_implied, decode_until_closed, encode, to_serde, to_string, type_to_json};
use crate::{Type, Value, convert, display, quote};
use proptest::prelude::*;

#[test]
fn strings_are_escaped_as_in_go() {
    let text = "<>&\u{2028}\u{1}\"\\\n\t/\u{7f}\u{8}\u{c}\u{b}ü";
    assert_eq!(
        to_string(&Value::from(text)).unwrap(),
        "\"\\u003c\\u003e\\u0026\\u2028\\u0001\\\"\\\\\\n\\t/\u{7f}\\b\\f\\u000bü\""
    );
}

#[test]
fn implied_types() {
    for (text, expected) in [
        ("{\"a\":1e3,\"b\":[1.10,null],\"a\":2}", "{\"a\":2,\"b\":[1.1,null]}"),
        (" [ ] ", "[]"),
        ("\"\\ud800x\"", "\"\u{fffd}x\""),
        ("\"\\ud83d\\ude00\\/\"", "\"😀/\""),
        ("\"e\\u0301\"", "\"é\""),
        ("-0.0", "-0"),
        ("12345678901234567890.0123456789", "12345678901234567890.0123456789"),
    ] {
        assert_eq!(to_string(&json(text)).unwrap(), expected, "{text}");
    }
    for (text, expected) in [
        ("[1,]", "the JSON text has ']' where a value should be (line 1, column 4)"),
        ("01", "the JSON text has a number that is not written as JSON wants it (line 1, column 1)"),
        ("1 2", "the JSON text has '2' where its end should be (line 1, column 3)"),
        ("{\n\"a\" 1}", "the JSON text has '1' where a colon should be (line 2, column 5)"),
        ("", "the JSON text ends where a value should be (line 1, column 1)"),
        ("\"a", "the JSON text ends where the end of a string should be (line 1, column 3)"),
    ] {
        assert_eq!(decode_implied(text).unwrap_err(), expected, "{text}");
    }
    assert!(decode_implied(&"[".repeat(100_000)).is_err());
    for text in [
        "1.",
        ".5",
        "+1",
        "1e",
        "tru",
        "nul",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u+123\"",
        "{,}",
        "[1 2]",
        "\"\t\"",
    ] {
        assert!(decode_implied(text).is_err(), "{text}");
    }
}

#[test]
fn what_closes_nothing_ends_a_text() {
    for text in ["[1]]", "[1] } x", "[1]\n],\"", "[1]"] {
        assert_eq!(decode_until_closed(text), Ok(json("[1]")), "{text}");
    }
    assert!(decode_implied("[1]]").is_err());
    for text in ["]", "[1}]", "[1],]", "[1] 2]", "[1] x"] {
        assert!(decode_until_closed(text).is_err(), "{text}");
    }
}

#[test]
fn dynamic_values_tell_their_type() {
    let shape = ty("['object',{'input':'dynamic','tags':['map','string']}]");
    let value = Value::object([("input", json("[1,\"a\"]")), ("tags", Value::null(ty("['map','string']")))]);
    let text = "{\"input\":{\"value\":[1,\"a\"],\"type\":[\"tuple\",[\"number\",\"string\"]]},\"tags\":null}";
    assert_eq!(encode(&value, &shape).unwrap(), text);
    assert_eq!(decode(text, &shape).unwrap(), value);
    assert_eq!(
        decode("{\"input\":{\"type\":\"number\",\"value\":\"7\"}}", &shape).unwrap().get("input"),
        Some(&7.into())
    );
    assert_eq!(decode("{}", &shape).unwrap().get("input"), Some(&Value::NULL));
    assert!(decode("{\"inputs\":1}", &shape).unwrap_err().starts_with("unsupported attribute \"inputs\""));
    assert!(decode("{\"input\":{\"value\":1}}", &shape).unwrap_err().contains("\"type\" is missing"));
    assert!(encode(&Value::unknown(Type::String), &Type::String).is_err());
}

#[test]
fn null_in_documents() {
    let value = Value::tuple(vec![Value::unknown(Type::Bool), Value::from(u64::MAX), json("0.5")]);
    assert_eq!(to_serde(&value).to_string(), "[null,18446744073709551615,0.5]");
    let mut known = String::new();
    crate::json::write_json_known(
        &Value::object([("a", value), ("b", Value::unknown(Type::Bool))]),
        &mut known,
    );
    assert_eq!(known, "{\"a\":[null,18446744073709551615,0.5]}");
}

#[test]
fn printing_as_the_console_does() {
    let console = |value: &Value| display(value, 0);
    for (value, expected) in [
        (json("\"a\\nb\""), "<<EOT\na\nb\nEOT"),
        (json("\"a\\n\\n  EOT\\nb\\n\""), "<<EOT_\na\n\n  EOT\nb\n\nEOT_"),
        (
            json("{\"x\":{\"y\":\"a\\n\\nb\\n\"}}"),
            "{\n  \"x\" = {\n    \"y\" = <<-EOT\n    a\n    \n    b\n    \n    EOT\n  }\n}",
        ),
        (json("{\"a\\nb\":1}"), "{\n  <<-EOT\n  a\n  b\n  EOT = 1\n}"),
        (json("[null,[],{}]"), "[\n  null,\n  [],\n  {},\n]"),
        (json("1.50"), "1.5"),
        (Value::object([("a", secret(1))]), "{\n  \"a\" = (sensitive value)\n}"),
        (Value::unknown(Type::String), "(known after apply)"),
        (Value::null(ty("['map','dynamic']")), "tomap(null) /* of dynamic */"),
        (Value::null(ty("['object',{}]")), "null /* object */"),
    ] {
        assert_eq!(console(&value), expected);
    }
    let set = convert(&json("[\"a\\nb\"]"), &ty("['set','string']")).unwrap();
    assert_eq!(console(&set), "toset([\n  <<-EOT\n  a\n  b\n  EOT,\n])");
    assert_eq!(
        quote("\u{a0}\u{301}e\u{200b}\u{7f}\u{7} 😀 \u{ad} \u{feff} \u{e000} ${a} \\"),
        "\"\\u00a0\u{301}e\\u200b\\x7f\\a 😀 \\u00ad \\ufeff \\ue000 ${a} \\\\\""
    );
}

proptest! {
    #[test]
    fn what_is_encoded_decodes(value in any_value()) {
        let ty = value.ty();
        prop_assert_eq!(&decode(&encode(&value, &ty).unwrap(), &ty).unwrap(), &value);
        prop_assert_eq!(&decode(&encode(&value, &Type::Dynamic).unwrap(), &Type::Dynamic).unwrap(), &value);
        prop_assert_eq!(&crate::json::decode_type(&type_to_json(&ty).to_string()).unwrap(), &ty);
        let text = to_string(&value).unwrap();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        prop_assert_eq!(to_string(&decode_implied(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}\":,0-9eE.+\\-ntrufalse\\\\ é]{0,30}") {
        let ours = decode_implied(&text).is_ok();
        let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
        if theirs.is_ok() {
            prop_assert!(ours);
        }
    }
}
