//! Who has the header alone has the documents, too: what stands there as JSON is what the sdk's types read and write, member by member.
//! Each is compared with a value that names every member of its type, so that a new one cannot be left out.

use std::fmt::Debug;

use onward_sdk::{
    Answer, Effects, StepError,
    description::{Description, Escaping, Example, Hints},
    document::{Input, Schedule, User, Workflow},
    http::{Body, HttpError, RequestDocument, ResponseDocument},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::layout::sdk;

/// The documents of the header, without its comments, in their order.
fn documents() -> Vec<Value> {
    let header = sdk("include/onward_plugin.h");
    let mut found = Vec::new();
    let mut within = None::<String>;
    for line in
        header.lines().map_while(|line| line.starts_with("/*").then_some("").or(line.strip_prefix(" *")))
    {
        match (line.trim(), &mut within) {
            ("```jsonc", None) => within = Some(String::new()),
            ("```", Some(text)) => {
                found.push(serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")));
                within = None;
            }
            (line, Some(text)) => text.push_str(line.split(" // ").next().unwrap_or_default()),
            _ => {}
        }
    }
    found
}

/// It is read as this value, and written as it stands there.
fn is<T: DeserializeOwned + Serialize + PartialEq + Debug>(document: &Value, value: &T) {
    assert_eq!(&serde_json::from_value::<T>(document.clone()).expect("it is read"), value);
    assert_eq!(&serde_json::to_value(value).expect("it is written"), document);
}

fn described(document: &Value) {
    let description = Description {
        id: "send_letter".to_owned(),
        title: "Send a letter".to_owned(),
        category: "integration".to_owned(),
        icon: Some("<svg xmlns='http://www.w3.org/2000/svg'/>".to_owned()),
        help: Some("Sends a letter.".to_owned()),
        examples: vec![Example {
            title: "To the customer".to_owned(),
            config: json!({"token": "{{secrets.POST}}"}),
            params: json!({"text": "Dear {{Company Name}}"}),
        }],
        version: "1.0.0".to_owned(),
        effects: Effects::External,
        deletes_task: true,
        config: Some(document["config"].clone()),
        params: Some(document["params"].clone()),
    };
    is(document, &description);
    let (token, text) =
        (&document["config"]["properties"]["token"], &document["params"]["properties"]["text"]);
    let shown = json!({"kind": "registered"});
    let secret = Hints {
        secret: true,
        template: None,
        widget: None,
        group: Some("Access".to_owned()),
        order: Some(1),
        placeholder: Some("{{secrets.POST}}".to_owned()),
        show_if: shown.as_object().cloned(),
    };
    is(&token["x-onward"], &secret);
    let place =
        Hints { template: Some(Escaping::Text), widget: Some("textarea".to_owned()), ..Hints::default() };
    is(&text["x-onward"], &place);
}

#[test]
fn the_header_has_every_member_of_every_document() {
    let all = documents();
    let [description, input, answer, error, request, response, lost] = all.as_slice() else {
        panic!("there are {} documents", all.len())
    };
    described(description);
    let text = |text: &str| text.to_owned();
    let task = input["task"].clone();
    let told = Input {
        action: text("Finish"),
        user: User {
            id: text("abc123"),
            email: Some(text("user@example.com")),
            first_name: Some(text("Example")),
            last_name: Some(text("User")),
        },
        task: serde_json::from_value(task).expect("a task"),
        params: json!({"text": "Dear Acme Corp"}),
        execution: text("01k9"),
        attempt: 1,
        workflow: Workflow { id: text("companies"), name: text("Companies"), version: 3 },
        step: Some(text("step-1")),
        now: Some("2026-11-28T10:30:00Z".into()),
        today: Some(text("2026-11-28")),
        last_stage: Some(text("Open")),
    };
    is(input, &told);
    let patch = json!({"Reference": "INV-1", "Note": null});
    let said = Answer {
        task: patch.as_object().cloned(),
        delete: true,
        wait_until: Some("2026-12-01T10:30:00Z".into()),
        schedule: Some(Schedule { stage: text("No answer"), at: "2026-12-05T10:30:00Z".into() }),
        expect: Some(text("Open")),
        stop: true,
        note: Some(text("sent as 42")),
        others: serde_json::Map::new(),
    };
    is(answer, &said);
    let failed = StepError {
        code: text("no_such_customer"),
        message: text("The post office has no customer 42."),
        retryable: true,
        retry_after: Some(30),
        unknown: true,
        details: Some(Box::new(error["details"].clone())),
    };
    is(error, &failed);
    assert_eq!(failed.problems()[0].pointer, "/token");
    let header = |name: &str, value: &str| (text(name), text(value));
    let asked = RequestDocument {
        method: text("POST"),
        url: text("https://post.example/letters"),
        headers: vec![header("Content-Type", "text/plain"), header("Idempotency-Key", "01k9.step-1")],
        body: Body::Text(text("Dear Acme Corp")),
        timeout_ms: Some(5000),
    };
    is(request, &asked);
    let bytes = Body::Bytes(vec![0x89, b'P', b'N', b'G']);
    let came =
        ResponseDocument { status: 200, headers: vec![header("Content-Type", "image/png")], body: bytes };
    is(response, &came);
    is(lost, &HttpError::not_sent("connect_failed", "post.example cannot be reached."));
}
