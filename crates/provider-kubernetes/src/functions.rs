//! The functions of the provider: manifests as text, and quantities.

use formwork_lang::{yaml_documents, yaml_text};
use formwork_provider::{FnError, FnResult, Function, function};
use formwork_value::{Kind, Number, Value};

pub(crate) fn functions() -> Vec<Function> {
    vec![manifest_decode(), manifest_decode_multi(), manifest_encode(), quantity()]
}

/// The object that a manifest in YAML or JSON stands for.
#[function(
    example = r#"provider::kubernetes::manifest_decode("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}").kind"#,
    gives = "\"Namespace\""
)]
fn manifest_decode(manifest: &str) -> FnResult {
    let mut objects = objects(manifest)?;
    match (objects.pop(), objects.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), more) => {
            let message = format!("it has {} documents; manifest_decode_multi() reads many", more + 1);
            Err(FnError::arg(0, message))
        }
        (None, _) => Err(FnError::arg(0, "it has no document with an object")),
    }
}

/// The objects that a text with many documents stands for, in a tuple. Empty documents are left out, and lists of
/// objects (`kind: List`) are taken apart.
#[function(
    example = r#"length(provider::kubernetes::manifest_decode_multi("apiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: B"))"#,
    gives = "2"
)]
fn manifest_decode_multi(manifest: &str) -> FnResult {
    objects(manifest).map(Value::tuple)
}

/// An object, or a list of objects, as YAML: one document for each.
#[function(
    example = r#"provider::kubernetes::manifest_encode({ apiVersion = "v1", kind = "Namespace" })"#,
    gives = "<<EOT\n\"apiVersion\": \"v1\"\n\"kind\": \"Namespace\"\n\nEOT"
)]
fn manifest_encode(manifest: &Value) -> Result<String, FnError> {
    let one = [manifest.clone()];
    let all = manifest.as_slice().unwrap_or(&one);
    for (i, object) in all.iter().enumerate() {
        check(object).map_err(|why| FnError::arg(0, format!("{}{why}", place(i, all.len()))))?;
    }
    Ok(all.iter().map(yaml_text).collect::<Vec<_>>().join("---\n"))
}

/// A quantity such as `500m` or `1.5Gi` as a number.
#[function(example = r#"provider::kubernetes::quantity("500m")"#, gives = "0.5")]
fn quantity(quantity: &str) -> Result<Number, FnError> {
    parse_quantity(quantity).ok_or_else(|| {
        let message = "it is not a quantity: a number, and perhaps one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, \
            Ei, or an exponent such as e3";
        FnError::arg(0, message)
    })
}

fn objects(manifest: &str) -> Result<Vec<Value>, FnError> {
    let documents = yaml_documents(manifest)
        .map_err(|why| FnError::arg(0, format!("it is no manifest: {why}")).quoting())?;
    let count = documents.len();
    let mut objects = Vec::new();
    for (i, document) in documents.into_iter().enumerate() {
        if document.is_null() {
            continue;
        }
        let list = document.get("kind").and_then(Value::as_str) == Some("List");
        match document.get("items").and_then(Value::as_slice).filter(|_| list) {
            Some(items) => objects.extend_from_slice(items),
            None => {
                check(&document).map_err(|why| FnError::arg(0, format!("{}{why}", place(i, count))))?;
                objects.push(document);
            }
        }
    }
    Ok(objects)
}

fn place(i: usize, of: usize) -> String {
    if of == 1 { "it ".into() } else { format!("its document {} ", i + 1) }
}

/// Every object says what it is.
fn check(object: &Value) -> Result<(), String> {
    let (Kind::Object(attrs) | Kind::Map(_, attrs)) = object.kind() else {
        return Err("is no object".into());
    };
    for name in ["apiVersion", "kind"] {
        if attrs.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("has no {name}"));
        }
    }
    Ok(())
}

/// By the grammar of Kubernetes' `resource.Quantity`.
fn parse_quantity(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = unsigned.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (digits, suffix) = unsigned.split_at(length);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || fraction.contains('.') {
        return None;
    }
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [(&str, i64); 10] = [
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("", 0),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ];
    let binary = BINARY.iter().position(|s| *s == suffix);
    let exponent = match (binary, DECIMAL.iter().find(|(s, _)| *s == suffix)) {
        (Some(_), _) => 0,
        (None, Some((_, exponent))) => *exponent,
        (None, None) => suffix.strip_prefix(['e', 'E'])?.parse::<i16>().ok()?.into(),
    };
    let number = Number::parse(&format!("0{whole}.{fraction}0e{exponent}")).ok()?;
    let number = match binary {
        Some(power) => number.mul(&Number::from(1i64 << (10 * (power + 1)))).ok()?,
        None => number,
    };
    Some(if text.starts_with('-') { number.neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        for (text, expected) in [
            ("1", Some("1")),
            ("500m", Some("0.5")),
            ("0.5Gi", Some("536870912")),
            ("-1.5k", Some("-1500")),
            ("1Ei", Some("1152921504606846976")),
            ("12e6", Some("12000000")),
            ("1E3", Some("1000")),
            ("1E", Some("1000000000000000000")),
            ("100n", Some("0.0000001")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("1K", None),
            ("1 Gi", None),
            ("0x10", None),
            ("e3", None),
            ("1e99999", None),
        ] {
            assert_eq!(parse_quantity(text).map(|n| n.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn reads_and_writes_many_documents() {
        let text = "# a\n---\napiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: B}\n";
        let objects = manifest_decode_multi().call(vec![text.into()]).unwrap();
        assert_eq!(objects.len(), Some(2));
        let written = manifest_encode().call(vec![objects.clone()]).unwrap();
        assert_eq!(manifest_decode_multi().call(vec![written]).unwrap(), objects);
        for (text, why) in [
            ("a: 1", "has no apiVersion"),
            ("- 1", "is no object"),
            ("apiVersion: v1\nkind: ", "has no kind"),
            ("a: [", "line"),
        ] {
            let message = manifest_decode().call(vec![text.into()]).unwrap_err().message;
            assert!(message.contains(why), "{text}: {message}");
        }
        assert!(
            manifest_decode().call(vec![text.into()]).unwrap_err().message.contains("manifest_decode_multi")
        );
        let unknown = manifest_decode().call(vec![Value::unknown(formwork_value::Type::String)]).unwrap();
        assert!(!unknown.is_known());
    }
}
