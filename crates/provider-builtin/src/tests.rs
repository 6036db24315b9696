//! Every type through the traits: validate, plan, create, read, plan again.

use super::*;
use formwork_provider::{
    Call, CallError, Clock, Interrupted, Object, Operation, PlanRequest, PlanResponse, Recorder, Recovered,
    Slot, check_applied, check_planned,
};
use formwork_value::{Map, Type, convert};
use std::sync::Mutex;

/// A noon in 2026, in nanoseconds.
pub(crate) const NOON: i128 = 1_784_289_600_000_000_000;

#[derive(Default)]
struct Records(Mutex<Vec<Object>>);

#[async_trait]
impl Recorder for Records {
    async fn created(&self, object: &Object) -> Result<(), CallError> {
        self.0.lock().unwrap().push(object.clone());
        Ok(())
    }
}

pub(crate) struct Bench {
    client: Client,
    slot: Slot,
    clock: Clock,
    records: Records,
}

impl Bench {
    pub(crate) async fn at(now: i128) -> Self {
        let slot = Slot::acquire(Arc::new(tokio::sync::Semaphore::new(1))).await;
        Bench { client: Arc::new(()), slot, clock: Arc::new(move || now), records: Records::default() }
    }

    pub(crate) fn call(&self) -> Call<'_> {
        let (client, slot, clock) = (&self.client, &self.slot, &self.clock);
        Call { client, token: "t1", recorder: &self.records, slot, clock, about: "" }
    }

    pub(crate) async fn plan(&self, ty: &str, config: &Value, prior: Option<&Object>) -> PlanResponse {
        let ty = resource(ty);
        let request = PlanRequest { config, prior };
        let plan = ty.plan(&self.call(), &request).await.unwrap();
        let kept = prior.filter(|_| plan.replace.is_empty()).map(|p| &p.value);
        let problems = check_planned(ty.schema(), config, kept, &plan.planned);
        assert!(problems.is_empty(), "{problems:?}");
        plan
    }

    /// Creates, reads back, and checks that a second plan changes nothing.
    pub(crate) async fn make(&self, name: &str, config: &[(&str, Value)]) -> Object {
        let ty = resource(name);
        let config = whole(ty.schema(), config);
        assert!(ty.validate(&config).is_empty(), "{:?}", ty.validate(&config));
        let plan = self.plan(name, &config, None).await;
        let object = ty.create(&self.call(), &plan.planned, &plan.private).await.unwrap();
        let problems = check_applied(ty.schema(), &plan.planned, &object.value);
        assert!(problems.is_empty(), "{problems:?}");
        let read = ty.read(&self.call(), &object).await.unwrap();
        assert_eq!(read.as_ref(), Some(&object), "{name}");
        let again = self.plan(name, &config, Some(&object)).await;
        assert_eq!((again.planned, again.replace), (object.value.clone(), vec![]), "{name}");
        object
    }
}

pub(crate) fn resource(name: &str) -> Arc<dyn ManagedResource> {
    let all = providers().into_iter().flat_map(|p| p.resources());
    all.into_iter().find(|r| r.type_name() == name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// A configuration with nulls for what is not said.
pub(crate) fn whole(schema: &Schema, given: &[(&str, Value)]) -> Value {
    let Type::Object(object) = schema.block.ty() else { panic!("a block is an object") };
    let entry = |(name, ty): (&formwork_value::Str, &Type)| {
        let value = match given.iter().find(|(n, _)| **n == **name) {
            Some((_, value)) => convert(value, ty).unwrap(),
            None if schema.block.blocks.contains_key(name) => {
                Value::list(ty.element().unwrap().clone(), vec![])
            }
            None => Value::null(ty.clone()),
        };
        (name.clone(), value)
    };
    for (name, _) in given {
        assert!(object.attrs.contains_key(*name), "there is no attribute {name}");
    }
    Value::from(object.attrs.iter().map(entry).collect::<Map>())
}

pub(crate) fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.value.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{name} is no string"))
}

fn number(object: &Object, name: &str) -> i64 {
    object.value.get(name).and_then(Value::as_number).and_then(|n| n.to_i64()).unwrap()
}

pub(crate) fn paths(plan: &PlanResponse) -> Vec<String> {
    plan.replace.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn terraform_data_gives_back_its_input() {
    let bench = Bench::at(NOON).await;
    let made = bench.make("terraform_data", &[("input", "x".into())]).await;
    assert_eq!(made.value.get("output"), Some(&Value::from("x")));
    let schema = resource("terraform_data");
    let config = |given: &[(&str, Value)]| whole(schema.schema(), given);
    let plan = bench.plan("terraform_data", &config(&[("input", true.into())]), Some(&made)).await;
    assert_eq!(plan.planned.get("output"), Some(&Value::unknown(Type::Bool)));
    assert_eq!(plan.planned.get("id"), made.value.get("id"));
    let changed = schema.update(&bench.call(), &made, &plan.planned, &[]).await.unwrap();
    assert_eq!(changed.value.get("output"), Some(&Value::from(true)));
    let plan = bench.plan("terraform_data", &config(&[("triggers_replace", "y".into())]), Some(&made)).await;
    assert_eq!(paths(&plan), [".triggers_replace"]);
    assert!(plan.planned.get("output").unwrap().is_null());
    assert!(!plan.planned.get("id").unwrap().is_known());
    bench.make("terraform_data", &[]).await;
    bench.make("null_resource", &[("triggers", Value::object([("a", Value::from("b"))]))]).await;
    assert!(bench.records.0.lock().unwrap().is_empty(), "what is only in the state needs no record");
}

#[tokio::test]
async fn random_results_follow_their_arguments() {
    let bench = Bench::at(NOON).await;
    let made = bench.make("random_id", &[("byte_length", 8i64.into()), ("prefix", "p-".into())]).await;
    assert_eq!((text(&made, "hex").len(), text(&made, "b64_std").len()), (18, 14));
    let id = format!("p-,{}", text(&made, "id"));
    assert_eq!(resource("random_id").import(&bench.call(), &id).await.unwrap().value, made.value);

    let made = bench.make("random_integer", &[("min", 3i64.into()), ("max", 5i64.into())]).await;
    assert!((3..=5).contains(&number(&made, "result")));
    let seeded = [("min", i64::MIN.into()), ("max", i64::MAX.into()), ("seed", Value::from("s"))];
    let made = bench.make("random_integer", &seeded).await;
    assert_eq!(bench.make("random_integer", &seeded).await.value, made.value);

    let arguments = [("length", 100i64.into()), ("special", false.into()), ("min_numeric", 60i64.into())];
    let made = bench.make("random_string", &arguments).await;
    let result = text(&made, "result");
    assert!(result.len() == 100 && result.chars().all(|c| c.is_ascii_alphanumeric()));
    assert!(result.chars().filter(char::is_ascii_digit).count() >= 60);
    let config =
        whole(resource("random_string").schema(), &[("length", 100i64.into()), ("numeric", false.into())]);
    let plan = bench.plan("random_string", &config, Some(&made)).await;
    assert_eq!(paths(&plan), [".min_numeric", ".number", ".numeric", ".special"]);

    let made = bench.make("random_password", &[("length", 80i64.into())]).await;
    let password = text(&made, "result").as_bytes();
    assert!(text(&made, "bcrypt_hash").starts_with("$2a$10$"));
    assert!(bcrypt::verify(&password[..72], text(&made, "bcrypt_hash")).unwrap());
    let schema = resource("random_password");
    assert!(schema.schema().block.attributes["result"].sensitive);

    let made = bench.make("random_pet", &[("length", 3i64.into()), ("separator", "_".into())]).await;
    assert_eq!(text(&made, "id").split('_').count(), 3);
    let input = Value::tuple(vec!["a".into(), "b".into(), "c".into()]);
    let made = bench.make("random_shuffle", &[("input", input), ("result_count", 7i64.into())]).await;
    assert_eq!(made.value.get("result").and_then(Value::len), Some(7));
    assert_eq!(text(&bench.make("random_uuid", &[]).await, "id").len(), 36);
    bench.make("random_bytes", &[("length", 4i64.into())]).await;
}

#[tokio::test]
async fn wrong_arguments_are_refused() {
    let check = |name: &str, given: &[(&str, Value)], expected: &[&str]| {
        let ty = resource(name);
        let problems = ty.validate(&whole(ty.schema(), given));
        let details: Vec<&str> = problems.iter().map(|p| p.detail.as_str()).collect();
        assert_eq!(details, expected);
    };
    check(
        "random_integer",
        &[("min", 2i64.into()), ("max", 1i64.into())],
        &["min (2) must not be greater than max (1)."],
    );
    check(
        "random_string",
        &[("length", 1i64.into()), ("min_lower", 2i64.into())],
        &["length (1) must not be less than the sum of the minima (2)."],
    );
    check(
        "local_file",
        &[("filename", "x".into())],
        &["Exactly one of content, sensitive_content, content_base64, source is needed; none is set."],
    );
    check("local_file", &[("filename", "x".into()), ("content", Value::unknown(Type::String))], &[]);
    check(
        "local_file",
        &[("filename", "x".into()), ("content", "".into()), ("file_permission", "9".into())],
        &["file_permission must be three or four octal digits, such as \"0644\"; it is \"9\"."],
    );
    check(
        "time_sleep",
        &[("create_duration", "1d".into())],
        &["create_duration must be a number with ms, s, m or h, such as 30s; it is \"1d\"."],
    );
    check(
        "time_offset",
        &[],
        &[
            "At least one of offset_years, offset_months, offset_days, offset_hours, offset_minutes, offset_seconds is \
         needed; none is set.",
        ],
    );
}

#[tokio::test]
async fn files_are_written_found_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/f.txt");
    let name = path.to_str().unwrap();
    let bench = Bench::at(NOON).await;
    let arguments =
        [("filename", name.into()), ("content", "hello".into()), ("file_permission", "0600".into())];
    let made = bench.make("local_file", &arguments).await;
    assert_eq!(text(&made, "id"), "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
    assert_eq!(text(&made, "content_md5"), "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hello");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    assert_eq!(bench.records.0.lock().unwrap().len(), 1);

    let file = resource("local_file");
    let plan = bench.plan("local_file", &whole(file.schema(), &arguments), None).await;
    let arguments = plan.planned.map_deep(&mut |v| if v.is_known() { v } else { Value::null(v.ty()) });
    let interrupted =
        Interrupted { operation: Operation::Create, token: "t1".into(), arguments, prior: None };
    let found = file.recover(&bench.call(), &interrupted).await.unwrap();
    assert!(
        matches!(found, Recovered::Found { object, complete: true } if object.value.get("id") == made.value.get("id"))
    );

    let source = providers()
        .into_iter()
        .flat_map(|p| p.data_sources())
        .find(|d| d.type_name() == "local_file")
        .unwrap();
    let read =
        source.read(&bench.call(), &whole(source.schema(), &[("filename", name.into())])).await.unwrap();
    assert_eq!(read.get("content_base64"), Some(&Value::from("aGVsbG8=")));

    std::fs::write(&path, "other").unwrap();
    assert_eq!(file.read(&bench.call(), &made).await.unwrap(), None);
    assert!(matches!(file.recover(&bench.call(), &interrupted).await.unwrap(), Recovered::Absent));
    file.delete(&bench.call(), &made).await.unwrap();
    file.delete(&bench.call(), &made).await.unwrap();
    assert!(!path.exists());
    let secret = bench
        .make("local_sensitive_file", &[("filename", name.into()), ("content_base64", "aGk=".into())])
        .await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "hi");
    assert_eq!(text(&secret, "file_permission"), "0700");
}

#[tokio::test(start_paused = true)]
async fn times_are_taken_once_and_rotate() {
    let bench = Bench::at(NOON).await;
    let made = bench.make("time_static", &[]).await;
    assert_eq!((text(&made, "rfc3339"), number(&made, "unix")), ("2026-07-17T12:00:00Z", 1_784_289_600));
    let made = bench.make("time_offset", &[("offset_days", 7i64.into())]).await;
    assert_eq!((text(&made, "rfc3339"), text(&made, "id")), ("2026-07-24T12:00:00Z", "2026-07-17T12:00:00Z"));
    let config = whole(resource("time_offset").schema(), &[("offset_days", 8i64.into())]);
    let plan = bench.plan("time_offset", &config, Some(&made)).await;
    assert_eq!(plan.planned.get("rfc3339"), Some(&Value::from("2026-07-25T12:00:00Z")));

    let made = bench.make("time_rotating", &[("rotation_hours", 1i64.into())]).await;
    assert_eq!(text(&made, "rotation_rfc3339"), "2026-07-17T13:00:00Z");
    let later = Bench::at(NOON + 3_601_000_000_000).await;
    let rotating = resource("time_rotating");
    assert!(rotating.drifts() && rotating.effects() == formwork_provider::Effects::StateOnly);
    assert_eq!(rotating.read(&later.call(), &made).await.unwrap(), None);
    let begun = tokio::time::Instant::now();
    bench.make("time_sleep", &[("create_duration", "90s".into())]).await;
    assert_eq!(begun.elapsed().as_secs(), 90);
}

#[tokio::test]
async fn terraform_data_takes_over_null_resources() {
    let bench = Bench::at(NOON).await;
    let triggers = Value::object([("a", Value::string("1"))]);
    let old = bench.make("null_resource", &[("triggers", triggers.clone())]).await;
    let data = resource("terraform_data");
    assert_eq!(data.predecessors(), ["null_resource"]);
    let heir = data.succeed("null_resource", &old).unwrap();
    assert_eq!(heir.value.get("id"), old.value.get("id"));
    let config = whole(data.schema(), &[("triggers_replace", triggers)]);
    let plan = bench.plan("terraform_data", &config, Some(&heir)).await;
    assert_eq!((plan.planned, plan.replace), (heir.value, vec![]));
    let none = data.succeed("null_resource", &bench.make("null_resource", &[]).await).unwrap();
    assert!(none.value.get("triggers_replace").unwrap().is_null());
    let file = resource("local_file");
    assert!(file.predecessors().is_empty());
    assert!(file.succeed("local_sensitive_file", &old).is_err());
}
