//! The types of this crate that stand in accounts, as the program's interface description names them. Compiled for that
//! description only.

use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

use anchor_lang_idl::build::IdlBuild;
use anchor_lang_idl::types::{
    IdlArrayLen, IdlDefinedFields, IdlField, IdlRepr, IdlReprModifier, IdlSerialization, IdlType, IdlTypeDef,
    IdlTypeDefTy,
};

use crate::bank::{Bank, LendingTerms};
use crate::chain::{Strike, VALUES};
use crate::smile::Smile;
use crate::{Contracts, Extremes, Params, Price, Ratio, Seconds, Usd, Variance};

macro_rules! alias {
    ($($name:ident),*) => { $(
        impl IdlBuild for $name {
            fn create_type() -> Option<IdlTypeDef> {
                Some(definition(stringify!($name), None, IdlTypeDefTy::Type { alias: IdlType::I64 }))
            }
        }
    )* };
}

alias!(Contracts, Price, Ratio, Seconds, Usd, Variance);

impl IdlBuild for Params {
    fn create_type() -> Option<IdlTypeDef> {
        Some(structure("Params", Params::NAMES.iter().map(|name| (*name, defined::<Ratio>()))))
    }

    fn insert_types(types: &mut BTreeMap<String, IdlTypeDef>) {
        insert::<Ratio>(types);
    }
}

impl IdlBuild for Extremes {
    fn create_type() -> Option<IdlTypeDef> {
        Some(structure("Extremes", [("low", IdlType::I32), ("high", IdlType::I32)]))
    }
}

impl IdlBuild for Smile {
    fn create_type() -> Option<IdlTypeDef> {
        Some(structure("Smile", ["a", "b", "rho", "m", "sigma"].map(|name| (name, defined::<Ratio>()))))
    }

    fn insert_types(types: &mut BTreeMap<String, IdlTypeDef>) {
        insert::<Ratio>(types);
    }
}

impl IdlBuild for LendingTerms {
    fn create_type() -> Option<IdlTypeDef> {
        let names = ["rate_zero", "rate_kink", "rate_full", "kink", "reserve_share", "utilisation_cap"];
        Some(structure("LendingTerms", names.map(|name| (name, defined::<Ratio>()))))
    }

    fn insert_types(types: &mut BTreeMap<String, IdlTypeDef>) {
        insert::<Ratio>(types);
    }
}

impl IdlBuild for Bank {
    fn create_type() -> Option<IdlTypeDef> {
        let words = IdlType::Array(IdlType::U64.into(), IdlArrayLen::Value(2));
        Some(structure(
            "Bank",
            [
                ("lent", IdlType::U64),
                ("lent_shares", IdlType::U64),
                ("lent_index", words.clone()),
                ("loans", IdlType::U64),
                ("loan_shares", IdlType::U64),
                ("loan_index", words),
                ("reserve", IdlType::U64),
                ("accrued", defined::<Seconds>()),
                ("terms", defined::<LendingTerms>()),
            ],
        ))
    }

    fn insert_types(types: &mut BTreeMap<String, IdlTypeDef>) {
        insert::<Ratio>(types);
        insert::<Seconds>(types);
        insert::<LendingTerms>(types);
    }
}

impl IdlBuild for Strike {
    fn create_type() -> Option<IdlTypeDef> {
        let (price, contracts) = (defined::<Price>(), defined::<Contracts>());
        let values = IdlType::Array(IdlType::U32.into(), IdlArrayLen::Value(VALUES));
        Some(structure(
            "Strike",
            [
                ("strike", price.clone()),
                ("reference", price.clone()),
                ("scan_range", IdlType::U32),
                ("growth", IdlType::U32),
                ("decided", price.clone()),
                ("refreshed", defined::<Seconds>()),
                ("mark", price.clone()),
                ("delta", contracts.clone()),
                ("gamma", contracts),
                ("vega", price.clone()),
                ("theta", price),
                ("values", values),
                ("vol", IdlType::U32),
            ],
        ))
    }

    fn insert_types(types: &mut BTreeMap<String, IdlTypeDef>) {
        insert::<Contracts>(types);
        insert::<Price>(types);
        insert::<Seconds>(types);
    }
}

fn defined<T: IdlBuild>() -> IdlType {
    IdlType::Defined { name: T::get_full_path(), generics: Vec::new() }
}

fn insert<T: IdlBuild>(types: &mut BTreeMap<String, IdlTypeDef>) {
    types.extend(T::create_type().map(|ty| (T::get_full_path(), ty)));
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
