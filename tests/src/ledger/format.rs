//! Events as `docs/events.md` describes them: what is not told there is not understood here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::checker::Key;

const DOCUMENT: &str = include_str!("../../../docs/events.md");

/// The tables of the document.
static FORMAT: LazyLock<Format> = LazyLock::new(|| Format::of(DOCUMENT));

#[derive(Clone, Debug)]
enum Kind {
    /// Little-endian, so many bytes.
    Unsigned(usize),
    Signed(usize),
    Bool,
    Key,
    Many(Box<Kind>),
    /// One, or none.
    Perhaps(Box<Kind>),
    /// The fields of another table.
    Table(&'static str),
}

#[derive(Default)]
struct Format {
    tables: BTreeMap<&'static str, Vec<(&'static str, Kind)>>,
    /// Events by discriminator.
    events: BTreeMap<[u8; 8], &'static str>,
}

impl Format {
    fn of(document: &'static str) -> Self {
        let mut format = Self::default();
        for section in document.split("\n## ").skip(1) {
            let (name, text) = section.split_once('\n').expect("a section has a text");
            let mut fields: Vec<_> = text.lines().filter_map(field).collect();
            if let Some((_, rest)) = text.split_once("Fields as of `") {
                let other = rest.split('`').next().expect("the name of a table");
                fields = format.tables[other].clone();
            }
            if let Some((_, rest)) = text.split_once("Discriminator `") {
                let hex = rest.split('`').next().expect("a discriminator");
                let number = u64::from_str_radix(hex, 16).expect("eight bytes in hexadecimal digits");
                format.events.insert(number.to_be_bytes(), name);
            }
            format.tables.insert(name, fields);
        }
        format
    }
}

/// A line of a table: name and type of a field.
fn field(line: &'static str) -> Option<(&'static str, Kind)> {
    let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
    Some((name, kind(rest.split(" |").next()?)))
}

fn kind(text: &'static str) -> Kind {
    if let Some(of) = text.strip_prefix("Vec\\<").and_then(|t| t.strip_suffix("\\>")) {
        return Kind::Many(Box::new(kind(of)));
    }
    if let Some(of) = text.strip_prefix("Option\\<").and_then(|t| t.strip_suffix("\\>")) {
        return Kind::Perhaps(Box::new(kind(of)));
    }
    match text {
        "u8" => Kind::Unsigned(1),
        "u16" => Kind::Unsigned(2),
        "u32" => Kind::Unsigned(4),
        "u64" => Kind::Unsigned(8),
        "u128" => Kind::Unsigned(16),
        "i64" => Kind::Signed(8),
        "bool" => Kind::Bool,
        "Pubkey" => Kind::Key,
        table => Kind::Table(table),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(i128),
    Key(Key),
    Many(Vec<Value>),
    Fields(Fields),
}

/// Values by name, in order, each with the bytes that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(Vec<(&'static str, Range<usize>, Value)>);

impl Fields {
    fn value(&self, name: &str) -> &Value {
        let found = self.0.iter().find(|(of, ..)| *of == name);
        found.map(|(.., value)| value).unwrap_or_else(|| panic!("docs/events.md has no field {name} here: {self:?}"))
    }

    /// A number, or 0 or 1.
    pub fn number(&self, name: &str) -> i128 {
        match self.value(name) {
            Value::Number(number) => *number,
            other => panic!("{name} is no number but {other:?}"),
        }
    }

    pub fn is(&self, name: &str) -> bool {
        self.number(name) != 0
    }

    pub fn key(&self, name: &str) -> Key {
        match self.value(name) {
            Value::Key(key) => *key,
            other => panic!("{name} is no address but {other:?}"),
        }
    }

    pub fn numbers(&self, name: &str) -> Vec<i128> {
        let Value::Many(values) = self.value(name) else { panic!("{name} is no list") };
        let numbers = values.iter().map(|value| match value {
            Value::Number(number) => *number,
            other => panic!("{name} has {other:?} in it"),
        });
        numbers.collect()
    }

    /// The entries of a list of tables.
    pub fn entries(&self, name: &str) -> Vec<&Fields> {
        let Value::Many(values) = self.value(name) else { panic!("{name} is no list") };
        let entries = values.iter().map(|value| match value {
            Value::Fields(fields) => fields,
            other => panic!("{name} has {other:?} in it"),
        });
        entries.collect()
    }

    /// A table that may be left out.
    pub fn perhaps(&self, name: &str) -> Option<&Fields> {
        match self.value(name) {
            Value::Fields(fields) => Some(fields),
            Value::Many(none) if none.is_empty() => None,
            other => panic!("{name} is no table but {other:?}"),
        }
    }

    pub fn inner(&self, name: &str) -> &Fields {
        match self.value(name) {
            Value::Fields(fields) => fields,
            other => panic!("{name} is no table but {other:?}"),
        }
    }

    /// Every number and address by its path, and where in the event it begins.
    pub fn places(&self) -> Vec<(String, usize)> {
        let mut places = vec![];
        for (name, bytes, value) in &self.0 {
            collect(name.to_string(), bytes.start, value, &mut places);
        }
        places
    }
}

fn collect(path: String, at: usize, value: &Value, places: &mut Vec<(String, usize)>) {
    match value {
        Value::Number(_) | Value::Key(_) => places.push((path, at)),
        Value::Fields(fields) => {
            places.extend(fields.places().into_iter().map(|(name, at)| (format!("{path}.{name}"), at)));
        }
        // Of numbers the first; of tables every one.
        Value::Many(values) => match values.first() {
            Some(Value::Fields(_)) => values.iter().for_each(|v| collect(path.clone(), at, v, places)),
            Some(_) => places.push((path, at + 4)),
            None => (),
        },
    }
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let taken = self.data.get(self.at..self.at + count);
        self.at += count;
        taken.ok_or_else(|| format!("it ends after {} bytes", self.data.len()))
    }

    fn number(&mut self, count: usize, signed: bool) -> Result<i128, String> {
        let bytes = self.take(count)?;
        let mut wide = [if signed && bytes[count - 1] >= 128 { 255 } else { 0 }; 16];
        wide[..count].copy_from_slice(bytes);
        let number = i128::from_le_bytes(wide);
        if signed || number >= 0 {
            Ok(number)
        } else {
            Err(format!("{number} is no index and no amount"))
        }
    }

    fn value(&mut self, kind: &Kind) -> Result<Value, String> {
        Ok(match kind {
            Kind::Unsigned(count) => Value::Number(self.number(*count, false)?),
            Kind::Signed(count) => Value::Number(self.number(*count, true)?),
            Kind::Bool => match self.number(1, false)? {
                truth @ (0 | 1) => Value::Number(truth),
                other => return Err(format!("{other} is neither true nor false")),
            },
            Kind::Key => Value::Key(self.take(32)?.try_into().expect("32 bytes")),
            Kind::Many(of) => {
                let count = self.number(4, false)?;
                Value::Many((0..count).map(|_| self.value(of)).collect::<Result<_, _>>()?)
            }
            Kind::Perhaps(of) => match self.number(1, false)? {
                0 => Value::Many(vec![]),
                1 => self.value(of)?,
                other => return Err(format!("{other} is neither some nor none")),
            },
            Kind::Table(name) => Value::Fields(self.fields(name)?),
        })
    }

    fn fields(&mut self, table: &str) -> Result<Fields, String> {
        let kinds = FORMAT.tables.get(table).unwrap_or_else(|| panic!("docs/events.md has no table {table}"));
        let mut fields = Vec::with_capacity(kinds.len());
        for (name, kind) in kinds {
            let start = self.at;
            let value = self.value(kind).map_err(|error| format!("{table}, {name}: {error}"))?;
            fields.push((*name, start..self.at, value));
        }
        Ok(Fields(fields))
    }
}

/// The names of all events.
pub fn events() -> impl Iterator<Item = &'static str> {
    FORMAT.events.values().copied()
}

/// The name of an event and its fields, all bytes of it read.
pub fn decode(event: &[u8]) -> Result<(&'static str, Fields), String> {
    let mut reader = Reader { data: event, at: 0 };
    let discriminator: [u8; 8] = reader.take(8)?.try_into().expect("eight bytes");
    let name = FORMAT.events.get(&discriminator).ok_or_else(|| format!("no event has {discriminator:02x?}"))?;
    let fields = reader.fields(name)?;
    if reader.at != event.len() {
        return Err(format!("{name} has {} bytes, {} are told of", event.len(), reader.at));
    }
    Ok((name, fields))
}
