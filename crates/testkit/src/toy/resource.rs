//! Things and links.

use super::store::{Change, ToyObject, valid_id};
use super::{Cloud, cloud, schema};
use async_trait::async_trait;
use formwork_provider::{
    Call, CallError, Interrupted, ManagedResource, Object, Operation, Recovered, Schema,
};
use formwork_value::{Map, Type, Value, json};

/// A managed resource type of the toy cloud.
pub(crate) struct ToyResource {
    type_name: &'static str,
    schema: Schema,
}

impl ToyResource {
    /// `toy_thing`.
    pub fn thing() -> Self {
        ToyResource { type_name: "toy_thing", schema: schema::thing() }
    }

    /// `toy_link`.
    pub fn link() -> Self {
        ToyResource { type_name: "toy_link", schema: schema::link() }
    }

    /// `toy_vault`.
    pub fn vault() -> Self {
        ToyResource { type_name: "toy_vault", schema: schema::vault() }
    }

    /// The identity of the object that a token makes: the same each time the call is repeated.
    fn id(&self, token: &str) -> String {
        // FNV-1a, 64 bits.
        let hash = token
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        format!("{}-{hash:016x}", self.type_name.trim_start_matches("toy_"))
    }

    fn to_file(&self, id: &str, token: &str, value: &Value) -> Result<ToyObject, CallError> {
        let wrong = |e: String| CallError::new("Invalid object", e);
        let text = json::encode(value, &self.schema.block.ty()).map_err(wrong)?;
        let attributes = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        Ok(ToyObject { id: id.into(), kind: self.type_name.into(), token: token.into(), attributes })
    }

    fn to_object(&self, file: &ToyObject) -> Result<Object, CallError> {
        Ok(Object::new(to_value(file, &self.schema.block.ty())?))
    }
}

/// The attributes of a file as a value of an object type; what the file does not have is null.
pub(crate) fn to_value(file: &ToyObject, ty: &Type) -> Result<Value, CallError> {
    let Type::Object(object) = ty else { return Ok(Value::NULL) };
    let mut attributes = serde_json::Map::new();
    for name in object.attrs.keys() {
        let mut value = file.attributes.get(&**name).cloned().unwrap_or_default();
        if name.as_ref() == "port" && value.is_null() {
            value = serde_json::Value::Array(Vec::new());
        }
        attributes.insert(name.to_string(), value);
    }
    json::decode(&serde_json::Value::Object(attributes).to_string(), ty)
        .map_err(|e| CallError::new("Invalid object", format!("The file of {} does not fit: {e}", file.id)))
}

/// What the provider has to choose, chosen: the values of attributes that are still unknown.
fn complete(planned: &Value, id: &str, etag: u64) -> Value {
    let name = planned.get("name").and_then(Value::as_str).unwrap_or_default();
    let mut attributes: Map = planned.as_map().cloned().unwrap_or_default();
    for (attribute, value) in &mut attributes {
        if value.is_known() {
            continue;
        }
        *value = match &**attribute {
            "id" => Value::string(id),
            "etag" => Value::string(format!("v{etag}")),
            "note" => Value::string(format!("noted by the toy cloud for {name}")),
            _ => Value::null(value.ty()),
        };
    }
    Value::from(attributes)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn etag_of(value: &Value) -> u64 {
    text(value, "etag").trim_start_matches('v').parse().unwrap_or(0)
}

#[async_trait]
impl ManagedResource for ToyResource {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn read(&self, call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        let found = cloud(call)?.get(call, self.type_name, text(&prior.value, "id")).await?;
        found.map(|file| self.to_object(&file)).transpose()
    }

    fn page(&self) -> usize {
        20
    }

    async fn read_many(&self, call: &Call<'_>, priors: &[Object]) -> Vec<Result<Option<Object>, CallError>> {
        let ids: Vec<&str> = priors.iter().map(|p| text(&p.value, "id")).collect();
        let found = match cloud(call) {
            Ok(cloud) => cloud.get_many(call, self.type_name, &ids).await,
            Err(e) => Err(e),
        };
        match found {
            Ok(files) => files.into_iter().map(|f| f.map(|file| self.to_object(&file)).transpose()).collect(),
            Err(e) => priors.iter().map(|_| Err(e.clone())).collect(),
        }
    }

    async fn create(&self, call: &Call<'_>, planned: &Value, _: &[u8]) -> Result<Object, CallError> {
        let cloud = cloud(call)?;
        if call.token.is_empty() {
            return Err(CallError::new("Missing token", "Every create needs an intent token."));
        }
        let id = self.id(call.token);
        if let Some(file) = cloud.store.get(super::now(call), &id)? {
            // The same call once more: the answer is the same, too.
            cloud.store.log("replay", self.type_name, &id, call.token)?;
            return self.to_object(&file);
        }
        let object = Object::new(complete(planned, &id, 1));
        let file = self.to_file(&id, call.token, &object.value)?;
        let name = text(planned, "name");
        let change = Change { kind: self.type_name, id: &id, name, create: true, next: Some(&file) };
        if let Err(mut e) = cloud.change(call, &change).await {
            if e.no_effect && cloud.store.get(super::now(call), &id)?.is_some() {
                call.recorder.created(&object).await?;
                e.partial = Some(object);
            }
            return Err(e);
        }
        call.recorder.created(&object).await?;
        Ok(object)
    }

    async fn update(
        &self,
        call: &Call<'_>,
        prior: &Object,
        planned: &Value,
        _: &[u8],
    ) -> Result<Object, CallError> {
        let id = text(&prior.value, "id");
        let object = Object::new(complete(planned, id, etag_of(&prior.value) + 1));
        let file = self.to_file(id, call.token, &object.value)?;
        let name = text(planned, "name");
        let change = Change { kind: self.type_name, id, name, create: false, next: Some(&file) };
        cloud(call)?.change(call, &change).await?;
        Ok(object)
    }

    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        let id = text(&prior.value, "id");
        let name = text(&prior.value, "name");
        let change = Change { kind: self.type_name, id, name, create: false, next: None };
        cloud(call)?.change(call, &change).await
    }

    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        let cloud: &Cloud = cloud(call)?;
        let made = self.id(call.token);
        let id = match (&interrupted.operation, &interrupted.prior) {
            (Operation::Create, _) | (_, None) => made.as_str(),
            (_, Some(prior)) => text(&prior.value, "id"),
        };
        cloud.store.log("recover", self.type_name, id, call.token)?;
        let done = |found: Option<&ToyObject>| match interrupted.operation {
            Operation::Create => found.is_some(),
            Operation::Update => found.is_none_or(|o| o.token == call.token),
            Operation::Delete => found.is_none(),
        };
        match cloud.settled(call, id, done).await? {
            None => Ok(Recovered::Absent),
            Some(file) => Ok(Recovered::Found { object: self.to_object(&file)?, complete: true }),
        }
    }

    async fn import(&self, call: &Call<'_>, id: &str) -> Result<Object, CallError> {
        let found = if valid_id(id) { cloud(call)?.get(call, self.type_name, id).await? } else { None };
        match found {
            Some(file) => self.to_object(&file),
            None => Err(CallError::new(
                "Cannot import non-existent remote object",
                format!("There is no {} with the id {id:?}.", self.type_name),
            )),
        }
    }
}
