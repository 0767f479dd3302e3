//! What the step types say of themselves.

use onward_sdk::{
    Effects,
    description::{Description, Escaping, Hints},
    testing::Host,
};
use serde_json::json;

use crate::steps::onward_plugin_v1_entry;

#[test]
fn a_step_says_all_that_its_author_wrote() {
    let plugin = Host::new().load(onward_plugin_v1_entry);
    assert_eq!(plugin.ids(), ["works", "panics", "asks", "sleeps", "bursts", "asks_later"]);
    let works = plugin.step("works").describe().expect("a description");
    assert_eq!((works.id.as_str(), works.title.as_str(), works.category.as_str()), ("works", "Work", "task"));
    assert_eq!((works.icon.as_deref(), works.help.as_deref()), (Some("<svg/>"), Some("It *works*.")));
    assert_eq!((works.version.as_str(), works.effects), (env!("CARGO_PKG_VERSION"), Effects::None));
    assert!(works.deletes_task);
    assert_eq!(works.examples[0].title, "At all");
    assert_eq!(works.examples[0].config, json!({"greeting": "Hello"}));
    let config = works.config.as_ref().expect("a schema");
    assert_eq!(config["description"], "How it works.");
    assert_eq!(config["properties"]["greeting"]["description"], "What it begins with.");
    assert_eq!(config["required"], json!(["greeting"]));
    let params = works.params.as_ref().expect("a schema");
    let hints = Hints::of(&params["properties"]["text"]).expect("hints");
    assert_eq!(hints.template, Some(Escaping::Text));
    // The host reads it with the same type.
    let written = serde_json::to_string(&works).expect("JSON");
    assert_eq!(serde_json::from_str::<Description>(&written).expect("a description"), works);
}

#[test]
fn what_says_nothing_is_external_and_takes_nothing() {
    let plugin = Host::new().load(onward_plugin_v1_entry);
    let bursts = plugin.step("bursts").describe().expect("a description");
    assert_eq!((bursts.effects, bursts.config, bursts.params), (Effects::External, None, None));
    let unsaid: Description =
        serde_json::from_value(json!({"id": "a", "title": "A", "category": "task", "version": "1"}))
            .expect("one");
    assert_eq!((unsaid.effects, unsaid.deletes_task), (Effects::External, false));
}

#[test]
fn a_secret_stands_in_the_schema_as_one() {
    let plugin = Host::new().load(onward_plugin_v1_entry);
    let config = plugin.step("works").describe().expect("a description").config.expect("a schema");
    let token = config["properties"]["token"].to_string();
    assert!(token.contains(r#""x-onward":{"secret":true}"#), "{token}");
}
