//! The types of this crate that stand in accounts, as the program's interface description names them. Compiled for that
//! description only.

use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

use anchor_lang_idl::build::IdlBuild;
use anchor_lang_idl::types::{
    IdlDefinedFields, IdlField, IdlRepr, IdlReprModifier, IdlSerialization, IdlType, IdlTypeDef, IdlTypeDefTy,
};

use crate::{Contracts, Extremes, Params, Price, Ratio, Usd, Variance};

macro_rules! alias {
    ($($name:ident),*) => { $(
        impl IdlBuild for $name {
            fn create_type() -> Option<IdlTypeDef> {
                Some(definition(stringify!($name), None, IdlTypeDefTy::Type { alias: IdlType::I64 }))
            }
        }
    )* };
}

alias!(Contracts, Price, Ratio, Usd, Variance);

impl IdlBuild for Params {
    fn create_type() -> Option<IdlTypeDef> {
        let ratio = IdlType::Defined { name: Ratio::get_full_path(), generics: Vec::new() };
        Some(structure("Params", Params::NAMES.iter().map(|name| (*name, ratio.clone()))))
    }

    fn insert_types(types: &mut BTreeMap<String, IdlTypeDef>) {
        types.extend(Ratio::create_type().map(|ratio| (Ratio::get_full_path(), ratio)));
    }
}

impl IdlBuild for Extremes {
    fn create_type() -> Option<IdlTypeDef> {
        Some(structure("Extremes", [("low", IdlType::I32), ("high", IdlType::I32)]))
    }
}

fn structure<'a>(name: &str, fields: impl IntoIterator<Item = (&'a str, IdlType)>) -> IdlTypeDef {
    let field = |(name, ty): (&str, IdlType)| IdlField { name: name.into(), docs: Vec::new(), ty };
    let fields = fields.into_iter().map(field).collect();
    let ty = IdlTypeDefTy::Struct { fields: Some(IdlDefinedFields::Named(fields)) };
    definition(name, Some(IdlRepr::C(IdlReprModifier { packed: false, align: None })), ty)
}

fn definition(name: &str, repr: Option<IdlRepr>, ty: IdlTypeDefTy) -> IdlTypeDef {
    let serialization = if repr.is_some() { IdlSerialization::Bytemuck } else { IdlSerialization::Borsh };
    IdlTypeDef { name: name.into(), docs: Vec::new(), serialization, repr, generics: Vec::new(), ty }
}
