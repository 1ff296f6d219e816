//! Errors of the program by the number that a transaction reports.

use std::fmt;
use std::sync::OnceLock;

use anchor_lang::error::Error;

/// Numbers of the program's errors begin here: Anchor adds it.
const FIRST: u32 = 6_000;
/// The one place that names every error: `NovateError`, whose derives lead from a variant to its number and not back.
const SOURCE: &str = include_str!("../../../programs/novate/src/error.rs");

/// The program refused an instruction by one of its errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Name of the error, for instance `BelowInitialMargin`.
    pub name: String,
    /// What it says.
    pub message: String,
}

impl Refused {
    /// By the number of a failed transaction, `Custom(number)`; none where the number is not of [`crate::NovateError`].
    pub fn by_code(code: u32) -> Option<Self> {
        static NAMED: OnceLock<Vec<(u32, &str, &str)>> = OnceLock::new();
        let named = NAMED.get_or_init(|| SOURCE.split("#[msg(").skip(1).filter_map(variant).collect());
        let (_, name, message) = named.iter().find(|(number, _, _)| FIRST.checked_add(*number) == Some(code))?;
        Some(Self { name: (*name).into(), message: (*message).into() })
    }

    /// Reads Anchor's line from the log of a failed transaction: errors of the program and those of Anchor.
    pub fn by_logs(logs: &[String]) -> Option<Self> {
        let line = logs.iter().rev().find(|l| l.contains("Error Code: "))?;
        let name = line.split("Error Code: ").nth(1)?.split('.').next()?;
        let message = line.split("Error Message: ").nth(1).unwrap_or_default();
        Some(Self { name: name.into(), message: message.trim_end_matches('.').into() })
    }
}

/// `"message")] Name = 1,` as number, name and message.
fn variant(text: &'static str) -> Option<(u32, &'static str, &'static str)> {
    let (message, rest) = text.split_once(")]")?;
    let message = message.split_once('"')?.1.rsplit_once('"')?.0;
    let (name, number) = rest.split(',').next()?.split_once('=')?;
    Some((number.trim().parse().ok()?, name.trim(), message))
}

/// What the program's own code says, run here.
impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::AnchorError(error) => Self { name: error.error_name, message: error.error_msg },
            Error::ProgramError(error) => {
                Self { name: format!("{:?}", error.program_error), message: error.program_error.to_string() }
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the program refused: {} ({})", self.message, self.name)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use novate::error::NovateError;

    use super::*;

    #[test]
    fn every_error_is_found_by_its_number() {
        let variants = SOURCE.matches("#[msg(").count();
        let found = (FIRST..FIRST + 1_000).filter_map(Refused::by_code).count();
        assert!(variants > 200 && found == variants, "{found} of {variants}");
        for error in [
            NovateError::MathOverflow,
            NovateError::GainsPending,
            NovateError::ChainNotCurrent,
            NovateError::ForecastStep,
            NovateError::DustBalance,
        ] {
            let refused = Refused::by_code(error.into()).expect("it is known");
            assert_eq!((refused.name, refused.message), (error.name(), error.to_string()));
        }
        assert_eq!(Refused::by_code(2_001), None);
    }

    #[test]
    fn what_the_programs_code_says_here_is_what_it_says_there() {
        let here = Refused::from(anchor_lang::error!(NovateError::PriceStale));
        assert_eq!(Some(here), Refused::by_code(6_407));
    }

    #[test]
    fn a_log_names_an_error() {
        let line = "Program log: AnchorError thrown in a.rs:1. Error Code: PriceStale. Error Number: 6407. Error Message: the price is too old; refresh the asset first.";
        let refused = Refused::by_logs(&["Program x".into(), line.into()]).expect("it is there");
        assert_eq!(refused, Refused::by_code(6_407).expect("it is known"));
        assert_eq!(Refused::by_logs(&["Program log: nothing".into()]), None);
    }
}
