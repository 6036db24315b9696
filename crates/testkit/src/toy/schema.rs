//! What the toy cloud's types look like.

use formwork_provider::{Attribute, Block, NestedBlock, Nesting, Schema};
use formwork_value::{Type, Value};

fn schema(description: &str, attributes: Vec<(&str, Attribute)>) -> Schema {
    let block = Block {
        description: description.into(),
        attributes: attributes.into_iter().map(|(name, a)| (name.into(), a)).collect(),
        ..Block::default()
    };
    Schema { version: 0, block }
}

fn required(ty: Type, description: &str) -> Attribute {
    Attribute { required: true, description: description.into(), ..Attribute::new(ty) }
}

fn optional(ty: Type, description: &str) -> Attribute {
    Attribute { optional: true, description: description.into(), ..Attribute::new(ty) }
}

fn computed(description: &str) -> Attribute {
    Attribute { computed: true, description: description.into(), ..Attribute::new(Type::String) }
}

/// The `provider` block.
pub(crate) fn provider() -> Schema {
    schema(
        "A cloud made of files.",
        vec![
            ("folder", required(Type::String, "Folder that holds the objects.")),
            ("region", optional(Type::String, "Part of the cloud's identity.")),
            ("latency_ms", optional(Type::Number, "How long each call takes, in milliseconds.")),
            ("quiet_ms", optional(Type::Number, "How long effects may take to land, in milliseconds.")),
        ],
    )
}

/// `toy_thing`, managed.
pub(crate) fn thing() -> Schema {
    let mut schema = schema(
        "A thing.",
        vec![
            ("id", computed("ID of the thing.")),
            ("name", required(Type::String, "Name of the thing.")),
            ("size", optional(Type::Number, "How large it is.")),
            (
                "color",
                Attribute { replace: true, ..optional(Type::String, "Its color, which never changes.") },
            ),
            ("tags", optional(Type::map(Type::String), "Tags.")),
            ("secret", Attribute { sensitive: true, ..optional(Type::String, "Something to keep.") }),
            (
                "note",
                Attribute { computed: true, ..optional(Type::String, "A note; the cloud writes its own.") },
            ),
            ("etag", Attribute { volatile: true, ..computed("Changes with every change.") }),
        ],
    );
    let protocol =
        Attribute { default: Some(Value::string("tcp")), ..optional(Type::String, "`tcp` or `udp`.") };
    let port = Block {
        description: "A port.".into(),
        attributes: [("number".into(), required(Type::Number, "Its number.")), ("protocol".into(), protocol)]
            .into(),
        ..Block::default()
    };
    let port = NestedBlock { nesting: Nesting::List, block: port, min: 0, max: 0 };
    schema.block.blocks.insert("port".into(), port);
    schema
}

/// `toy_link`.
pub(crate) fn link() -> Schema {
    schema(
        "A link from one thing to another.",
        vec![
            ("id", computed("ID of the link.")),
            (
                "from",
                Attribute { replace: true, ..required(Type::String, "ID of the thing that it begins at.") },
            ),
            ("to", Attribute { replace: true, ..required(Type::String, "ID of the thing that it ends at.") }),
            ("label", optional(Type::String, "What it means.")),
        ],
    )
}

/// `toy_vault`.
pub(crate) fn vault() -> Schema {
    let key = Attribute { write_only: true, ..optional(Type::String, "What it keeps; nobody else does.") };
    schema(
        "A vault.",
        vec![
            ("id", computed("ID of the vault.")),
            ("name", required(Type::String, "Name of the vault.")),
            ("key_wo", key),
            ("key_wo_version", optional(Type::Number, "To be changed with the key.")),
        ],
    )
}

/// `ephemeral "toy_lease"`.
pub(crate) fn lease() -> Schema {
    let key = Attribute { sensitive: true, ..computed("The key.") };
    schema(
        "A key for a while.",
        vec![
            ("name", required(Type::String, "Whose key.")),
            ("millis", optional(Type::Number, "After how many milliseconds it must be renewed.")),
            ("key", key),
        ],
    )
}

/// `toy_thing`, the data source.
pub(crate) fn thing_by_name() -> Schema {
    let read = |ty, description: &str| Attribute {
        computed: true,
        description: description.into(),
        ..Attribute::new(ty)
    };
    schema(
        "A thing that exists already.",
        vec![
            ("name", required(Type::String, "Name of the thing.")),
            ("id", read(Type::String, "ID of the thing.")),
            ("size", read(Type::Number, "How large it is.")),
            ("color", read(Type::String, "Its color.")),
            ("tags", read(Type::map(Type::String), "Tags.")),
            ("note", read(Type::String, "A note.")),
            ("etag", read(Type::String, "Changes with every change.")),
        ],
    )
}
