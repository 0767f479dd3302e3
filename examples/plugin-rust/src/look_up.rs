//! Looks a company up in a register that is asked over HTTP, and fills the task's fields with what it says.

use std::collections::BTreeMap;

use onward_sdk::{Answer, Call, Context, Effects, Secret, Step, StepError};
use schemars::JsonSchema;
use serde::Deserialize;

/// How the register is reached.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Config {
    /// The address of its API.
    #[schemars(url, extend("x-onward" = {"placeholder": "https://register.example/v1", "order": -1}))]
    url: String,
    /// The key that the register gave you.
    token: Secret,
}

/// Which company, and where what is found goes.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Params {
    /// The company's number in the register.
    #[schemars(extend("x-onward" = {"template": "url", "placeholder": "{{Company ID}}"}))]
    number: String,
    /// For each field of the task: the key of the register's answer.
    fields: BTreeMap<String, String>,
}

pub(crate) struct LookUpCompany {
    config: Config,
}

impl Step for LookUpCompany {
    const ID: &'static str = "example_look_up_company";
    const TITLE: &'static str = "Look up a company";
    const ICON: Option<&'static str> = Some(include_str!("look_up.svg"));
    const HELP: Option<&'static str> = Some("Fills fields with what a register of companies says.");
    // It only reads there, so that it may be asked again.
    const EFFECTS: Effects = Effects::None;
    type Config = Config;
    type Params = Params;

    fn new(config: Config, _: &Context) -> Result<Self, StepError> {
        if !config.url.starts_with("https://") {
            return Err(StepError::config(
                "/url",
                "the key is sent there: the address must begin with https://",
            ));
        }
        Ok(Self { config })
    }

    fn run(&self, call: &Call<Params>) -> Result<Answer, StepError> {
        let Params { number, fields } = &call.params;
        call.progress("asking the register");
        let url = format!("{}/companies/{number}", self.config.url.trim_end_matches('/'));
        let response = call.http().get(url).bearer(self.config.token.expose()).send()?;
        if response.status == 404 {
            return Err(StepError::new("no_such_company", format!("The register has no company {number}.")));
        }
        let company: BTreeMap<String, onward_sdk::Value> = response.success()?.json()?;
        let mut answer = Answer::new();
        for (field, key) in fields {
            match company.get(key) {
                Some(value) => answer = answer.set(field, value.clone()),
                None => call.warn(format_args!("the register's answer has no “{key}”")),
            }
        }
        Ok(answer.note(format!("found company {number}")))
    }
}

#[cfg(test)]
mod tests {
    use onward_sdk::{
        Level,
        http::HttpError,
        testing::{Failure, Host, Run, input, response},
    };
    use serde_json::json;

    use super::*;

    fn run(host: &Host) -> Run {
        let plugin = host.load(crate::onward_plugin_v1_entry);
        let config = json!({"url": "https://register.example/v1/", "token": "t"});
        let step = plugin.step(LookUpCompany::ID).create(config).expect("an instance");
        let params = json!({"number": "42", "fields": {"Company Name": "name", "Street": "street"}});
        step.run(&input(json!({}), params))
    }

    #[test]
    fn what_the_register_says_fills_the_fields() {
        let host = Host::new();
        host.on_http(|_| Ok(response(200, json!({"name": "Acme Corp", "seat": "Vienna"}))));
        let run = run(&host);
        let answer = run.answer();
        assert_eq!(answer.task, json!({"Company Name": "Acme Corp"}).as_object().cloned());
        assert_eq!(answer.note.as_deref(), Some("found company 42"));
        assert_eq!(run.logs()[0].level, Level::Warn);
        assert_eq!(run.logs()[0].message, "the register's answer has no “street”");
        assert_eq!(run.progress(), ["asking the register"]);
        let request = &host.requests()[0];
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            ("GET", "https://register.example/v1/companies/42")
        );
        assert_eq!(request.headers, [("Authorization".to_owned(), "Bearer t".to_owned())]);
    }

    #[test]
    fn what_may_pass_is_told_apart_from_what_will_not() {
        let host = Host::new();
        host.on_http(|_| Ok(response(404, json!({}))));
        assert_eq!(run(&host).error(), StepError::new("no_such_company", "The register has no company 42."));
        host.on_http(|_| Ok(response(503, json!({}))));
        assert!(run(&host).error().retryable);
        host.on_http(|_| Err(HttpError::not_sent("connect_failed", "refused")));
        assert!(run(&host).error().retryable);
    }

    #[test]
    fn the_key_is_not_sent_in_the_open() {
        let plugin = Host::new().load(crate::onward_plugin_v1_entry);
        let config = json!({"url": "http://register.example", "token": "t"});
        match plugin.step(LookUpCompany::ID).create(config) {
            Err(Failure::Error(error)) => assert_eq!(error.problems()[0].pointer, "/url"),
            other => panic!("{other:?}"),
        }
    }
}
