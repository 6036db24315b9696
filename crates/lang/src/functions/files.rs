//! Files, paths and templates.

use super::*;
use crate::World;
use crate::eval::{a_type, render_template};
use globset::GlobBuilder;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::new(
            "file",
            [string("path")],
            to_string,
            "The content of a file.",
            "file(\"hello.txt\")",
            |cx, a| text_file(cx, a).map(Value::string),
        ),
        Function::new(
            "filebase64",
            [string("path")],
            to_string,
            "The content of a file, in Base64.",
            "filebase64(\"logo.png\")",
            |cx, a| Ok(super::encoding::encode_base64(&read(cx, a)?)),
        ),
        Function::new(
            "fileexists",
            [string("path")],
            to_bool,
            "Whether there is such a file.",
            "fileexists(\"hello.txt\")",
            |cx, a| {
                let path = cx.path(text_arg(a, 0))?;
                cx.scope.world().exists(&path).map(Value::from).map_err(|m| FnError::arg(0, m))
            },
        ),
        Function::new(
            "fileset",
            [string("path"), string("pattern")],
            |_| Type::set(Type::String),
            "The files below a folder whose names match a pattern: * within one folder, ** across folders, ?, {a,b}, [a-z].",
            "fileset(path.module, \"files/*.txt\")",
            |cx, a| fileset(cx, a),
        ),
        Function::new(
            "templatefile",
            [string("path"), any("vars").partial()],
            to_any,
            "The text that a template file gives with these variables.",
            "templatefile(\"backends.tftpl\", { port = 8080 })",
            |cx, a| {
                let text = text_file(cx, a)?;
                template(cx, &text, text_arg(a, 0), &a[1])
            },
        ),
        Function::new(
            "templatestring",
            [string("template"), any("vars").partial()],
            to_string,
            "The text that a template from elsewhere gives with these variables.",
            "templatestring(data.http.greeting.response_body, { name = var.name })",
            |cx, a| {
                let value = template(cx, text_arg(a, 0), "<template>", &a[1])?;
                converted(value, &Type::String).map_err(FnError::new)
            },
        ),
        Function::new(
            "abspath",
            [string("path")],
            to_string,
            "The path as an absolute one.",
            "abspath(path.root)",
            |cx, a| Ok(shown(&cx.scope.world().abspath(path_arg(a, 0)))),
        ),
        Function::new(
            "basename",
            [string("path")],
            to_string,
            "The last part of a path.",
            "basename(\"foo/bar/baz.txt\")",
            |_, a| {
                let path = text_arg(a, 0);
                let trimmed = path.trim_end_matches('/');
                Ok(match (path, trimmed) {
                    ("", _) => ".".into(),
                    (_, "") => "/".into(),
                    (_, trimmed) => trimmed.rsplit('/').next().unwrap_or(trimmed).into(),
                })
            },
        ),
        Function::new(
            "dirname",
            [string("path")],
            to_string,
            "A path without its last part.",
            "dirname(\"foo/bar/baz.txt\")",
            |_, a| {
                let path = text_arg(a, 0);
                let dir = path.rfind('/').map_or("", |i| &path[..=i]);
                Ok(shown(&crate::scope::clean(Path::new(dir))))
            },
        ),
        Function::new(
            "pathexpand",
            [string("path")],
            to_string,
            "A path with the user's home directory in place of ~ at its start.",
            "pathexpand(\"~/.ssh/id_rsa\")",
            |cx, a| Ok(shown(&expand_home(cx.scope.world(), text_arg(a, 0))?)),
        ),
    ]
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
pub(super) fn read(cx: &CallCx<'_>, args: &[Value]) -> Result<Vec<u8>, FnError> {
    let name = text_arg(args, 0);
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

fn text_file(cx: &CallCx<'_>, args: &[Value]) -> Result<String, FnError> {
    String::from_utf8(read(cx, args)?).map_err(|_| {
        FnError::arg(0, "the file is not text in UTF-8; filebase64() reads any file, and filesha256() and the like sum it")
    })
}

fn template(cx: &CallCx<'_>, text: &str, name: &str, vars: &Value) -> Result<Value, FnError> {
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

fn fileset(cx: &CallCx<'_>, args: &[Value]) -> Result<Value, FnError> {
    let dir = cx.path(text_arg(args, 0))?;
    let pattern = text_arg(args, 1);
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|e| FnError::arg(1, format!("it is not a valid pattern: {}", e.kind())))?
        .compile_matcher();
    let files = cx.scope.world().walk(&dir).map_err(|m| FnError::arg(0, m))?;
    let names = files.iter().filter(|f| glob.is_match(f)).map(|f| shown(f));
    Ok(Value::set(Type::String, names.collect()))
}
