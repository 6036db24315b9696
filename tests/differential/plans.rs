//! Small changes: what `plan` says of them, line by line.
//!
//! A page begins with a comment, and `#> words` adds words to the command. `== name ==` begins a change: configuration as it
//! was applied, a line `-- becomes --`, and configuration as it is now. All changes of a page are applied and planned together;
//! the plan is taken apart into what it says of each instance and output, and each piece is held against Terraform's.
//!
//! Lines are normalised: generated ids and the name of the program are replaced, and what only we say is left away, which is
//! lines that tell where the cause of a replacement stands, and what becomes of a sensitive value. `#! reason` in a change
//! says that our lines are better on purpose: then they must differ. Prose around the changes is not compared.

use crate::Oracle;
use formwork_testkit::{Terraform, normalise};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a plan says, by instance and output.
type Pieces = BTreeMap<String, Vec<String>>;

#[derive(Default)]
struct Page {
    words: Vec<String>,
    before: String,
    after: String,
    changes: usize,
    /// Instances and outputs of which we say something else on purpose.
    differs: BTreeSet<String>,
}

/// `terraform_data.x` or `output x`, if a block of it begins here.
fn declared(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let kind = words.next()?;
    let labels: Vec<&str> = words.map(|w| w.trim_matches('"')).collect();
    match (kind, labels.as_slice()) {
        ("resource", [ty, name, ..]) => Some(format!("{ty}.{name}")),
        ("output", [name, ..]) => Some(format!("output {name}")),
        _ => None,
    }
}

fn parse(text: &str) -> Page {
    let mut page = Page::default();
    let (mut after, mut differs) = (false, false);
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("#> ") {
            page.words.extend(words.split_whitespace().map(str::to_owned));
        } else if line.starts_with("== ") && line.ends_with(" ==") {
            page.changes += 1;
            (after, differs) = (false, false);
        } else if line.starts_with("#! ") {
            differs = true;
        } else if line == "-- becomes --" {
            after = true;
        } else if page.changes > 0 {
            page.differs.extend(declared(line).filter(|_| differs));
            let side = if after { &mut page.after } else { &mut page.before };
            side.push_str(line);
            side.push('\n');
        }
    }
    page
}

/// Takes the text of a plan apart.
fn pieces(text: &str) -> Pieces {
    let mut out = Pieces::new();
    let mut at: Option<String> = None;
    let mut outputs = false;
    for line in text.lines() {
        let comment = line.strip_prefix("  # ").or_else(|| line.strip_prefix(" # "));
        if let Some(address) = comment.filter(|c| !c.starts_with('(') && !c.starts_with("Warning")) {
            let moved = address.split_once(" has moved to ").map_or(address, |(_, to)| to);
            at = moved.split(' ').next().map(str::to_owned);
        } else if line == "Changes to Outputs:" {
            (at, outputs) = (None, true);
        } else if outputs && line.len() > 4 && line.starts_with("  ") && !line[2..].starts_with("  ") {
            at = line[4..].split(' ').next().map(|name| format!("output {name}"));
        } else if line.starts_with("Plan: ") {
            at = Some("Plan".into());
        } else if line.starts_with(|c: char| !c.is_whitespace() && c != '-' && c != '+') {
            (at, outputs) = (None, false);
        }
        let ours = comment.is_some_and(|c| {
            c.starts_with('(')
                && (c.contains(" is set at ") || c.contains(" which replace_triggered_by names at "))
        });
        if let Some(piece) = at.as_ref().filter(|_| !ours && !line.is_empty()) {
            let line = line.replace("(sensitive value) # changed", "(sensitive value)");
            let line = line.replace("(sensitive value) # (known after apply)", "(sensitive value)");
            out.entry(piece.clone()).or_default().push(line);
        }
    }
    out
}

fn planned(program: &Terraform, page: &Page, init: bool) -> Result<Pieces, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let write = |text: &str| std::fs::write(folder.path().join("main.tf"), text).map_err(|e| e.to_string());
    let run = |words: &[&str]| {
        let output = program.run(folder.path(), words, None).map_err(|e| e.to_string())?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(stdout) } else { Err(format!("{words:?}: {stdout}{stderr}")) }
    };
    write(&page.before)?;
    if init {
        run(&["init"])?;
    }
    run(&["apply", "-auto-approve", "-no-color"])?;
    write(&page.after)?;
    let mut words = vec!["plan", "-no-color"];
    words.extend(page.words.iter().map(String::as_str));
    let text = normalise(&run(&words)?, "").replace("Terraform", "Formwork");
    Ok(pieces(&text))
}

/// Plans all changes of a page, and holds what is said against what Terraform says.
pub fn check(path: &Path, oracle: &Oracle) -> Result<(), String> {
    let page = parse(&std::fs::read_to_string(path).map_err(|e| e.to_string())?);
    let record = path.with_extension("json");
    let recorded: Pieces =
        std::fs::read(&record).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let theirs = match oracle.terraform.as_ref().filter(|_| oracle.all || oracle.update) {
        Some(terraform) => planned(terraform, &page, true)?,
        None => recorded.clone(),
    };
    if oracle.update && oracle.terraform.is_some() {
        let text = serde_json::to_string_pretty(&theirs).map_err(|e| e.to_string())?;
        std::fs::write(&record, text + "\n").map_err(|e| e.to_string())?;
    } else if theirs != recorded {
        return Err(
            "Terraform says otherwise than is recorded: UPDATE_EXPECT=1 writes the record anew".into()
        );
    }
    let ours = planned(&Terraform::at(Path::new(env!("CARGO_BIN_EXE_formwork"))), &page, false)?;
    let mut wrong = Vec::new();
    for name in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let whole = name.split('[').next().unwrap_or(name);
        let differs = page.differs.contains(whole);
        let (our, their) = (ours.get(name), theirs.get(name));
        if differs == (our == their) {
            let text = |lines: Option<&Vec<String>>| lines.map_or("nothing".into(), |l| l.join("\n"));
            let what = if differs { " should differ" } else { "" };
            wrong.push(format!("{name}{what}\nterraform:\n{}\nformwork:\n{}", text(their), text(our)));
        }
    }
    if theirs.len() < page.changes {
        wrong.push(format!(
            "{} changes, but Terraform says something of {} only",
            page.changes,
            theirs.len()
        ));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n\n")) }
}
