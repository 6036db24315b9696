//! The layout of ugly files is the one that Terraform gives them.

use formwork_diag::FileId;
use formwork_syntax::{format, parse};

const FILE: FileId = FileId(0);

/// See the head of the file for the signs.
fn cases() -> Vec<(String, String)> {
    let text = include_str!("format.txt").replace("\r\n", "\n");
    let (_, cases) = text.split_once("====\n").expect("a head");
    let read = |text: &str| {
        let text = [("␉", "\t"), ("␍", "\r"), ("␠", " "), ("␎", "\u{feff}")]
            .iter()
            .fold(text.to_owned(), |text, (sign, meaning)| text.replace(sign, meaning));
        text.strip_suffix("␃\n").map(str::to_owned).unwrap_or(text)
    };
    let cases = cases.split_terminator("====\n");
    cases
        .map(|case| case.split_once("----\n").map(|(from, to)| (read(from), read(to))).expect("an answer"))
        .collect()
}

#[test]
fn ugly_files_look_as_terraform_makes_them_look() {
    let cases = cases();
    assert!(cases.len() >= 100, "{}", cases.len());
    let mut wrong = Vec::new();
    for (from, to) in cases {
        match format(FILE, &from) {
            Ok(found) if found == to => {}
            found => wrong.push(format!("{from}\n--- should be\n{to}\n--- is\n{found:?}\n")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_layout_stays_and_means_the_same() {
    for (_, text) in cases() {
        // One interpolation within another is unwrapped from the outside, one each time, as Terraform does it.
        if text.contains("\"${\"") {
            continue;
        }
        assert_eq!(format(FILE, &text).as_ref(), Ok(&text));
    }
    // Terraform loses these labels.
    let text = "resource \"a$b\" \"c%%{\" {\n}\n";
    assert_eq!(format(FILE, text).as_deref(), Ok(text));
    // And it breaks this.
    assert_eq!(format(FILE, "a = \"${ # c\nb\n}\"\n").as_deref(), Ok("a = ( # c\nb)\n"));
    assert_eq!(format(FILE, "a = ( # c\nb)\n").as_deref(), Ok("a = ( # c\nb)\n"));
    let names = |text: &str| {
        parse(FILE, text)
            .0
            .blocks
            .iter()
            .flat_map(|b| b.labels.iter().map(|l| l.name.clone()))
            .collect::<Vec<_>>()
    };
    let ugly = "a b \"c\\n\\u0007\\U0001f600é\" \"$${x}\" {}\n";
    assert_eq!(names(&format(FILE, ugly).unwrap()), names(ugly));
}

#[test]
fn what_cannot_be_read_has_no_layout() {
    let diagnostics = format(FILE, "a = [\nb = 1\n").unwrap_err();
    assert_eq!(diagnostics[0].summary, "Missing closing bracket");
}
