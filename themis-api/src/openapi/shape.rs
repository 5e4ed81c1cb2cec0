//! The small parts that bodies are described with. An object that is made here has exactly the named keys, all of them
//! present: what an answer holds beyond its description is a defect that the fuzzer finds.

use serde_json::{Value, json};
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, SchemaType, Type};
use utoipa::openapi::{ArrayBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat};

/// A body or a part of one.
pub(super) type Shape = RefOr<Schema>;

/// The named component.
pub(super) fn named(name: &str) -> Shape {
    Ref::from_schema_name(name).into()
}

fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

/// Any text.
pub(super) fn text() -> Shape {
    of(Type::String).into()
}

/// A text of so many characters.
pub(super) fn text_of(min: usize, max: usize) -> Shape {
    of(Type::String).min_length(Some(min)).max_length(Some(max)).into()
}

/// A text that matches.
pub(super) fn text_like(pattern: &str, max: usize) -> Shape {
    of(Type::String).pattern(Some(pattern)).max_length(Some(max)).into()
}

/// One of these words.
pub(super) fn word(words: &[&str]) -> Shape {
    of(Type::String).enum_values(Some(words.iter().copied())).into()
}

/// A UUID in lower case with dashes.
pub(super) fn uuid() -> Shape {
    of(Type::String)
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .into()
}

/// A time under `/v1`: UTC without a zone, six digits.
pub(super) fn masakari_time() -> Shape {
    of(Type::String)
        .pattern(Some(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$"))
        .examples([json!("2026-11-20T08:27:39.000000")])
        .into()
}

/// A time under `/themis/v1`: RFC 3339, UTC, six digits.
pub(super) fn utc_time() -> Shape {
    of(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"))
        .into()
}

/// A whole number.
pub(super) fn integer() -> Shape {
    of(Type::Integer).into()
}

/// A whole number within bounds.
pub(super) fn integer_of(min: i64, max: i64) -> Shape {
    of(Type::Integer).minimum(Some(min)).maximum(Some(max)).into()
}

/// A number.
pub(super) fn number() -> Shape {
    of(Type::Number).into()
}

/// True or false.
pub(super) fn boolean() -> Shape {
    of(Type::Boolean).into()
}

/// Nothing.
pub(super) fn null() -> Shape {
    of(Type::Null).into()
}

/// Whatever the engine wrote.
pub(super) fn anything() -> Shape {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

/// True or false, or one of the words that old clients send for it.
pub(super) fn boolean_word() -> Shape {
    let words = [
        "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes", "False", "FALSE", "false", "0", "OFF",
        "Off", "off", "NO", "No", "no",
    ];
    AnyOfBuilder::new().item(boolean()).item(word(&words)).into()
}

/// The shape, or null.
pub(super) fn nullable(shape: impl Into<Shape>) -> Shape {
    AnyOfBuilder::new().item(shape.into()).item(null()).into()
}

/// A list of them.
pub(super) fn list(items: impl Into<Shape>) -> Shape {
    ArrayBuilder::new().items(items.into()).into()
}

/// A list of at most so many.
pub(super) fn list_of(items: impl Into<Shape>, max: usize) -> Shape {
    ArrayBuilder::new().items(items.into()).max_items(Some(max)).into()
}

/// An object with any keys, each with such a value.
pub(super) fn map(values: impl Into<Shape>) -> Shape {
    of(Type::Object)
        .additional_properties(Some(AdditionalProperties::RefOr(values.into())))
        .into()
}

/// An object with exactly these keys.
pub(super) fn object<const N: usize>(fields: [(&str, Shape); N]) -> ObjectBuilder {
    let mut object = closed();
    for (name, shape) in fields {
        object = object.property(name, shape).required(name);
    }
    object
}

/// More keys, which may be absent.
pub(super) fn with_optional<const N: usize>(mut object: ObjectBuilder, fields: [(&str, Shape); N]) -> ObjectBuilder {
    for (name, shape) in fields {
        object = object.property(name, shape);
    }
    object
}

/// An object that may have these keys and needs one of them at least.
pub(super) fn some_of<const N: usize>(fields: [(&str, Shape); N]) -> ObjectBuilder {
    with_optional(closed().min_properties(Some(1)), fields)
}

fn closed() -> ObjectBuilder {
    of(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// `{"segment": ...}`.
pub(super) fn enveloped(key: &str, inner: impl Into<Shape>) -> Shape {
    object([(key, inner.into())]).into()
}

/// An example for who reads.
pub(super) fn example(object: ObjectBuilder, value: Value) -> Shape {
    object.examples([value]).into()
}
