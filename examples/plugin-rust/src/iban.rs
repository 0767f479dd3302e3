//! Checks a bank account's number (IBAN, ISO 13616), so that an action stops before money goes astray.

use onward_sdk::{Answer, Call, Context, Effects, ExampleText, Step, StepError};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) struct CheckIban;

/// Which field is checked.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The field with the IBAN. It is rewritten in groups of four.
    #[schemars(extend("x-onward" = {"widget": "field", "placeholder": "IBAN"}))]
    field: String,
    /// Countries whose accounts are taken, by their two letters; all, where there are none.
    #[serde(default)]
    countries: Vec<String>,
}

impl Step for CheckIban {
    const ID: &'static str = "example_check_iban";
    const TITLE: &'static str = "Check an IBAN";
    const CATEGORY: &'static str = "task";
    const HELP: Option<&'static str> =
        Some("Stops the action unless a field has the number of a bank account that can be.");
    const EFFECTS: Effects = Effects::None;
    const EXAMPLES: &'static [ExampleText] = &[ExampleText {
        title: "German and Austrian accounts",
        config: "{}",
        params: r#"{"field": "IBAN", "countries": ["DE", "AT"]}"#,
    }];
    type Config = ();
    type Params = Params;

    fn new((): (), _: &Context) -> Result<Self, StepError> {
        Ok(Self)
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let Params { field, countries } = &call.params;
        let iban = plain(call.task.required_text(field)?);
        if !is_sound(&iban) {
            return Err(StepError::new(
                "invalid_iban",
                format!("“{iban}” is not an IBAN: look for a wrong or missing digit."),
            ));
        }
        if !countries.is_empty() && !countries.iter().any(|country| iban.starts_with(country.as_str())) {
            let allowed = countries.join(", ");
            return Err(StepError::new(
                "other_country",
                format!("The account is in {}, not in {allowed}.", &iban[..2]),
            ));
        }
        Ok(Answer::new().set(field.as_str(), in_groups(&iban)))
    }
}

fn plain(iban: &str) -> String {
    iban.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

fn in_groups(iban: &str) -> String {
    let letters: Vec<char> = iban.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

/// By its form and its check digits: with its first four characters at its end and letters as numbers from 10 on, it is 1 modulo 97.
fn is_sound(iban: &str) -> bool {
    let bytes = iban.as_bytes();
    let has_form = (15..=34).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit);
    let digits = || iban[4..].chars().chain(iban[..4].chars()).filter_map(|c| c.to_digit(36));
    let rest = |rest: u32, digit: u32| (rest * if digit < 10 { 10 } else { 100 } + digit) % 97;
    has_form && digits().fold(0, rest) == 1
}

#[cfg(test)]
mod tests {
    use onward_sdk::testing::{Host, Instance, input};
    use serde_json::json;

    use super::*;

    fn step() -> Instance {
        let plugin = Host::new().load(crate::onward_plugin_v1_entry);
        plugin.step(CheckIban::ID).create(json!({})).expect("an instance")
    }

    #[test]
    fn what_can_be_is_written_in_groups() {
        for (entered, written) in [
            ("de89370400440532013000", "DE89 3704 0044 0532 0130 00"),
            ("GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32"),
            ("NO93 8601 1117 947", "NO93 8601 1117 947"),
        ] {
            let run = step().run(&input(json!({"Account": entered}), json!({"field": "Account"})));
            assert_eq!(run.answer().task.expect("a patch")["Account"], written);
        }
    }

    #[test]
    fn what_cannot_be_stops_the_action() {
        for entered in [
            "DE88370400440532013000",
            "DE8937040044053201300",
            "",
            "DE89",
            "ÄÖ89370400440532013000",
            "0089370400440532013000",
        ] {
            let run = step().run(&input(json!({"Account": entered}), json!({"field": "Account"})));
            let code = if entered.is_empty() { "missing_field" } else { "invalid_iban" };
            assert_eq!(run.error().code, code, "{entered}");
        }
        let params = json!({"field": "Account", "countries": ["AT", "CH"]});
        let error = step().run(&input(json!({"Account": "DE89370400440532013000"}), params)).error();
        assert_eq!(error.message, "The account is in DE, not in AT, CH.");
    }

    #[test]
    fn a_misspelt_param_is_refused() {
        let error = step().run(&input(json!({}), json!({"feild": "Account"}))).error();
        assert!(error.message.contains("did you mean “field”?"), "{error}");
    }
}
