//! Folders with questions: what commands answer there.
//!
//! A page begins with a comment that says what it is about. `== folder <name> ==` begins a new folder, `== file <name> ==` is
//! followed by a file's text, and `== ask <words> ==` by what is typed. The words are variables of the environment
//! (`NAME=value`), then a command with its arguments. Of `validate -json` the places and ranges are compared, of other commands the
//! exit code and what they print when all is well; of `metadata functions` the signatures. `== differ <words> ==` is a question whose answer differs on purpose: the
//! line above it says why. `== places <words> ==` is one of `validate -json` where only the ranges and snippets differ on purpose, and
//! `== ranges <words> ==` one where only the snippets do, `== verdict <words> ==` one where we say more, and exit alike.

use crate::Oracle;
use formwork_testkit::{Terraform, normalise};
use serde_json::{Value as Json, json};
use std::path::Path;

/// Functions that Terraform 1.11 has not, or only in its console.
const OURS: [&str; 5] = ["base64gunzip", "cidrcontains", "convert", "type", "urldecode"];

enum Part {
    Folder(String),
    File { name: String, text: String },
    Ask { words: String, wanted: Wanted, typed: String },
}

/// How our answer is to be held against Terraform's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Same,
    /// The same lines, and other ranges in them.
    SamePlaces,
    /// The same ranges, and other words around them.
    SameRanges,
    /// The same exit code, and other lines.
    SameVerdict,
    Other,
}

impl Wanted {
    fn holds(self, theirs: &Json, ours: &Json) -> bool {
        let same = |fact: &str| theirs[fact] == ours[fact];
        match self {
            Wanted::Same => theirs == ours,
            Wanted::SamePlaces => same("exit") && same("places") && !same("ranges"),
            Wanted::SameRanges => same("exit") && same("ranges") && !same("snippets"),
            Wanted::SameVerdict => same("exit") && !same("places"),
            Wanted::Other => theirs != ours,
        }
    }

    fn told(self) -> &'static str {
        match self {
            Wanted::Same => "",
            Wanted::SamePlaces => "  only the ranges should differ",
            Wanted::SameRanges => "  only the snippets should differ",
            Wanted::SameVerdict => "  only the exit code should be the same",
            Wanted::Other => "  should differ",
        }
    }
}

fn parse(page: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    for (number, line) in page.lines().enumerate() {
        let header = line.strip_prefix("== ").and_then(|l| l.strip_suffix(" =="));
        if let Some((kind, rest)) = header.and_then(|h| h.split_once(' ')) {
            let rest = rest.to_owned();
            // The empty line before a folder is for the eye.
            if let (Some(Part::Ask { typed, .. }), "folder") = (parts.last_mut(), kind)
                && typed.ends_with("\n\n")
            {
                typed.pop();
            }
            parts.push(match kind {
                "folder" => Part::Folder(rest),
                "file" => Part::File { name: rest, text: String::new() },
                "ask" => Part::Ask { words: rest, wanted: Wanted::Same, typed: String::new() },
                "ranges" => Part::Ask { words: rest, wanted: Wanted::SameRanges, typed: String::new() },
                "places" => Part::Ask { words: rest, wanted: Wanted::SamePlaces, typed: String::new() },
                "verdict" => Part::Ask { words: rest, wanted: Wanted::SameVerdict, typed: String::new() },
                "differ" => Part::Ask { words: rest, wanted: Wanted::Other, typed: String::new() },
                _ => return Err(format!("line {}: no such part: {line}", number + 1)),
            });
            continue;
        }
        match parts.last_mut() {
            Some(Part::File { text, .. } | Part::Ask { typed: text, .. }) if !line.starts_with("#: ") => {
                text.push_str(line);
                text.push('\n');
            }
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => return Err(format!("line {}: text that belongs to nothing: {line}", number + 1)),
        }
    }
    Ok(parts)
}

/// The answers of a program, by folder and question.
fn answers(program: &Terraform, parts: &[Part], init: bool) -> Result<Vec<(String, Wanted, Json)>, String> {
    let mut found = Vec::new();
    let mut folder: Option<(String, tempfile::TempDir)> = None;
    let mut ready = false;
    for part in parts {
        match part {
            Part::Folder(name) => {
                folder = Some((name.clone(), tempfile::tempdir().map_err(|e| e.to_string())?));
                ready = false;
            }
            Part::File { name, text } => {
                let (_, dir) = folder.as_ref().ok_or("a file before the first folder")?;
                let path = dir.path().join(name);
                let written = std::fs::create_dir_all(path.parent().unwrap_or(Path::new("")))
                    .and_then(|()| std::fs::write(&path, text));
                written.map_err(|e| format!("{name}: {e}"))?;
            }
            Part::Ask { words, wanted, typed } => {
                let (name, dir) = folder.as_ref().ok_or("a question before the first folder")?;
                if init && !ready {
                    program.run(dir.path(), &["init"], None).map_err(|e| e.to_string())?;
                    ready = true;
                }
                let answer = ask(program, dir.path(), words, typed)?;
                found.push((format!("{name}: {words} {}", typed.trim_end()), *wanted, answer));
            }
        }
    }
    Ok(found)
}

fn ask(program: &Terraform, dir: &Path, words: &str, typed: &str) -> Result<Json, String> {
    let is_variable = |w: &&str| w.split_once('=').is_some_and(|(name, _)| name.starts_with("TF_"));
    let env: Vec<(&str, &str)> =
        words.split_whitespace().take_while(is_variable).filter_map(|w| w.split_once('=')).collect();
    let mut args: Vec<&str> = words.split_whitespace().skip(env.len()).collect();
    if args.first() != Some(&"metadata") {
        args.push("-no-color");
    }
    let output = program.run_with(dir, &args, &env, Some(typed)).map_err(|e| e.to_string())?;
    let exit = output.status.code().unwrap_or(-1);
    let stdout = String::from_utf8_lossy(&output.stdout);
    if args.first() == Some(&"validate") {
        let report: Json = serde_json::from_str(&stdout).map_err(|e| format!("{words}: {e}: {stdout}"))?;
        return Ok(
            json!({ "exit": exit, "places": places(&report), "ranges": ranges(&report), "snippets": snippets(&report) }),
        );
    }
    if args.first() == Some(&"metadata") {
        let report: Json = serde_json::from_str(&stdout).map_err(|e| format!("{words}: {e}: {stdout}"))?;
        return Ok(
            json!({ "exit": exit, "format": report["format_version"], "signatures": signatures(&report) }),
        );
    }
    let dir = dir.canonicalize().map_err(|e| e.to_string())?;
    let printed = if exit == 0 { normalise(&stdout, &dir.display().to_string()) } else { String::new() };
    // Warnings are in everyone's own words; an empty line parts them from the value.
    let printed = match printed.trim_end().rsplit_once("\n\n") {
        Some((before, value)) if before.contains("Warning: ") => value,
        _ => &printed,
    };
    Ok(json!({ "exit": exit, "printed": printed.trim_end() }))
}

/// What the functions that Terraform has take and give: in one line each, without anybody's descriptions.
fn signatures(report: &Json) -> serde_json::Map<String, Json> {
    fn undescribed(value: &Json) -> Json {
        match value {
            Json::Object(fields) => {
                let fields = fields.iter().filter(|(name, _)| *name != "description");
                fields.map(|(name, value)| (name.clone(), undescribed(value))).collect()
            }
            Json::Array(items) => items.iter().map(undescribed).collect(),
            other => other.clone(),
        }
    }
    let all = report["function_signatures"].as_object().into_iter().flatten();
    let theirs = all.filter(|(name, _)| !OURS.contains(&name.trim_start_matches("core::")));
    theirs.map(|(name, signature)| (name.clone(), undescribed(signature).to_string().into())).collect()
}

/// Where the diagnostics of a `validate -json` are, each place once.
pub fn places(report: &Json) -> Vec<String> {
    let mut places: Vec<String> = report["diagnostics"].as_array().into_iter().flatten().map(place).collect();
    places.sort();
    places.dedup();
    places
}

/// What exactly the diagnostics of a `validate -json` mark: from line, column and byte to line, column and byte.
pub fn ranges(report: &Json) -> Vec<String> {
    let position = |p: &Json| format!("{}:{} (byte {})", p["line"], p["column"], p["byte"]);
    let ranged = |d: &Json| {
        let range = &d["range"];
        let file = range["filename"].as_str()?;
        let severity = d["severity"].as_str().unwrap_or("?");
        Some(format!("{severity} {file} {} to {}", position(&range["start"]), position(&range["end"])))
    };
    let mut ranges: Vec<String> =
        report["diagnostics"].as_array().into_iter().flatten().filter_map(ranged).collect();
    ranges.sort();
    ranges.dedup();
    ranges
}

/// What the diagnostics of a `validate -json` show of the text, and say of values and functions in it.
fn snippets(report: &Json) -> Vec<Json> {
    let diagnostics = report["diagnostics"].as_array().into_iter().flatten();
    let mut snippets: Vec<Json> = diagnostics.filter_map(|d| d.get("snippet")).cloned().collect();
    snippets.sort_by_cached_key(Json::to_string);
    snippets.dedup();
    snippets
}

/// Severity, file and line of a diagnostic.
fn place(diagnostic: &Json) -> String {
    let range = &diagnostic["range"];
    let severity = diagnostic["severity"].as_str().unwrap_or("?");
    match range["filename"].as_str() {
        Some(file) => format!("{severity} {file}:{}", range["start"]["line"]),
        None => severity.to_owned(),
    }
}

/// Asks us all of a page's questions, and holds the answers against Terraform's.
pub fn check(path: &Path, oracle: &Oracle) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let parts = parse(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let record = path.with_extension("json");
    let recorded: Json = std::fs::read(&record)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_else(|| json!({}));
    let fresh = oracle.terraform.as_ref().filter(|_| oracle.all || oracle.update);
    let theirs = match fresh {
        Some(terraform) => {
            let found = answers(terraform, &parts, true)?;
            json!(
                found
                    .into_iter()
                    .map(|(question, _, answer)| (question, answer))
                    .collect::<serde_json::Map<_, _>>()
            )
        }
        None => recorded.clone(),
    };
    if oracle.update && fresh.is_some() {
        std::fs::write(&record, format!("{theirs:#}\n")).map_err(|e| e.to_string())?;
    } else if theirs != recorded {
        return Err(
            "Terraform answers otherwise than is recorded: UPDATE_EXPECT=1 writes the record anew".into()
        );
    }
    let program = Terraform::at(Path::new(env!("CARGO_BIN_EXE_formwork")));
    let mut wrong = Vec::new();
    for (question, wanted, ours) in answers(&program, &parts, false)? {
        match theirs.get(&question) {
            None => wrong.push(format!("{question}\n  has no recorded answer")),
            Some(theirs) if !wanted.holds(theirs, &ours) => {
                let what = wanted.told();
                wrong.push(format!("{question}\n  terraform: {theirs}\n  formwork:  {ours}{what}"));
            }
            Some(_) => {}
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
