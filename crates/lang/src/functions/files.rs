//! Files, paths and templates.

use super::glob::Glob;
use super::*;
use crate::World;
use crate::eval::{a_type, render_template};

library![
    file,
    filebase64,
    fileexists,
    fileset,
    templatefile,
    templatestring,
    abspath,
    basename,
    dirname,
    pathexpand
];

/// The content of a file.
#[function(result = Type::String, example = r#"file("a.txt")"#, gives = "<<EOT\nhello\n\nEOT")]
fn file(cx: &mut CallCx<'_>, path: &str) -> FnResult {
    text_file(cx, path).map(Value::string)
}

/// The content of a file, in Base64.
#[function(example = r#"filebase64("a.txt")"#, gives = r#""aGVsbG8K""#)]
fn filebase64(cx: &mut CallCx<'_>, path: &str) -> Result<String, FnError> {
    Ok(super::encoding::encode_base64(&read(cx, path)?))
}

/// Whether there is such a file.
#[function(result = Type::Bool, example = r#"fileexists("a.txt")"#, gives = "true")]
fn fileexists(cx: &mut CallCx<'_>, path: &str) -> FnResult {
    let path = cx.path(path)?;
    cx.scope.world().exists(&path).map(Value::from).map_err(|m| FnError::arg(0, m))
}

/// The files below a folder whose names match a pattern: * within one folder, ** across folders, ?, {a,b}, [a-z].
#[function(result = Type::set(Type::String), example = r#"fileset(".", "*.tftpl")"#, gives = "toset([\n  \"bad.tftpl\",\n  \"calls.tftpl\",\n  \"loop.tftpl\",\n  \"nested.tftpl\",\n  \"one.tftpl\",\n  \"t.tftpl\",\n])")]
fn fileset(cx: &mut CallCx<'_>, path: &str, pattern: &str) -> FnResult {
    let cleaned = crate::scope::clean(Path::new(pattern));
    let names: Vec<&str> =
        cleaned.iter().filter_map(|name| name.to_str()).filter(|name| *name != "/").collect();
    // What lies above the folder is looked for from there.
    let above = names.iter().take_while(|name| **name == "..").count();
    let up: PathBuf = names[..above].iter().collect();
    let below = names[above..].join("/");
    if let Err(why) = Glob::parse(&below) {
        return Err(FnError::arg(1, format!("it is not a valid pattern: {why}")));
    }
    let dir = cx.path(path)?.join(&up);
    let found = cx.scope.world().list(&dir, &below).map_err(|m| FnError::arg(0, m))?;
    Ok(Value::set(Type::String, found.iter().map(|file| shown(&up.join(file))).collect()))
}

/// Those files, relative to a folder, that a pattern of `fileset` matches; none when it is no pattern.
pub fn matching(pattern: &str, files: Vec<PathBuf>) -> Vec<PathBuf> {
    let Ok(glob) = Glob::parse(pattern) else { return Vec::new() };
    let matches = |file: &PathBuf| {
        let names: Vec<&str> = file.iter().filter_map(|name| name.to_str()).collect();
        !names.is_empty() && glob.matches(&names)
    };
    files.into_iter().filter(matches).collect()
}

/// The text that a template file gives with these variables.
#[function(
    example = r#"templatefile("t.tftpl", { name = "Ander", l = ["a", "b"] })"#,
    gives = "<<EOT\nhi Ander, a, b\n\nEOT"
)]
fn templatefile(cx: &mut CallCx<'_>, path: &str, #[arg(partial)] vars: &Value) -> FnResult {
    let text = text_file(cx, path)?;
    let result = render(cx, &text, path, vars)?;
    if result.is_null() {
        return Err(FnError::new("the template gives null, which is no text"));
    }
    Ok(result)
}

/// The text that a template from elsewhere gives with these variables.
#[function(result = Type::String, example = "templatestring(local.tpl, { x = 1 })", gives = r#""<1>""#)]
fn templatestring(cx: &mut CallCx<'_>, template: &str, #[arg(partial)] vars: &Value) -> FnResult {
    let value = render(cx, template, "<template>", vars)?;
    converted(value, &Type::String).map_err(FnError::new)
}

/// The path as an absolute one.
#[function(result = Type::String, example = r#"abspath("/a/../b")"#, gives = r#""/b""#)]
fn abspath(cx: &mut CallCx<'_>, path: &str) -> FnResult {
    Ok(shown(&cx.scope.world().abspath(Path::new(path))))
}

/// The last part of a path.
#[function(result = Type::String, example = r#"basename("foo/bar/baz.txt")"#, gives = r#""baz.txt""#)]
fn basename(path: &str) -> FnResult {
    let trimmed = path.trim_end_matches('/');
    Ok(match (path, trimmed) {
        ("", _) => ".".into(),
        (_, "") => "/".into(),
        (_, trimmed) => trimmed.rsplit('/').next().unwrap_or(trimmed).into(),
    })
}

/// A path without its last part.
#[function(result = Type::String, example = r#"dirname("foo/bar/baz.txt")"#, gives = r#""foo/bar""#)]
fn dirname(path: &str) -> FnResult {
    let dir = path.rfind('/').map_or("", |i| &path[..=i]);
    Ok(shown(&crate::scope::clean(Path::new(dir))))
}

/// A path with the user's home directory in place of ~ at its start.
#[function(result = Type::String, example = r#"pathexpand("~/.ssh/id_rsa")"#, gives = r#""/home/user/.ssh/id_rsa""#)]
fn pathexpand(cx: &mut CallCx<'_>, path: &str) -> FnResult {
    Ok(shown(&expand_home(cx.scope.world(), path)?))
}

fn shown(path: &Path) -> Value {
    Value::string(path.to_string_lossy().into_owned())
}

/// The path with `~` resolved.
pub(super) fn expand_home(world: &dyn World, path: &str) -> Result<PathBuf, FnError> {
    let Some(rest) = path.strip_prefix('~') else { return Ok(PathBuf::from(path)) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(FnError::arg(0, "the home directory of another user is not known; only ~/ is"));
    }
    let home =
        world.home().ok_or_else(|| FnError::arg(0, "there is no home directory to put in place of ~"))?;
    Ok(home.join(rest.trim_start_matches('/')))
}

/// The bytes of the file that the first argument names.
pub(super) fn read(cx: &CallCx<'_>, name: &str) -> Result<Vec<u8>, FnError> {
    let path = cx.path(name)?;
    let world = cx.scope.world();
    world.read(&path).map_err(|problem| {
        let absent = world.exists(&path) == Ok(false);
        let hint = if absent {
            "; it must exist before the run, since a file that a resource creates is found in that resource's attributes"
        } else {
            ""
        };
        FnError::arg(0, format!("the file cannot be read ({problem}){hint}"))
    })
}

fn text_file(cx: &CallCx<'_>, name: &str) -> Result<String, FnError> {
    String::from_utf8(read(cx, name)?).map_err(|_| {
        FnError::arg(0, "the file is not text in UTF-8; filebase64() reads any file, and filesha256() and the like sum it")
    })
}

fn render(cx: &CallCx<'_>, text: &str, name: &str, vars: &Value) -> Result<Value, FnError> {
    let Some(map) = vars.as_map() else {
        return Err(FnError::arg(
            1,
            format!("the variables must be an object or a map, not {}", a_type(&vars.ty())),
        ));
    };
    if let Some(bad) = map.keys().find(|k| !is_identifier(k)) {
        return Err(FnError::arg(1, format!("{bad:?} cannot be the name of a variable")).quoting());
    }
    render_template(text, name, vars, cx.scope, cx.depth)
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}
