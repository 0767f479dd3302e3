//! Which libraries of the folder a server uses, what it says of the others, and what becomes of the workflows that need them.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::support::{Tool, action, configure, install, install_tool, onward, told, workflow};

/// A description of a step type `id` whose params have this schema, in C.
fn describes(id: &str, schema: &str) -> String {
    let json = format!(r#"{{"id":"{id}","title":"T","category":"task","version":"1","params":{schema}}}"#);
    format!("DESCRIBE=host->done(call,ONWARD_STATUS_OK,TEXT({json:?}))")
}

fn part(name: &str) -> String {
    format!("NAME={name:?}")
}

/// "The server starts", and says of each file what is wrong and what to do.
#[test]
fn what_cannot_be_used_is_told_and_holds_up_nothing() {
    let actions = [told("Test", "tool", "")];
    let unknown = "0".repeat(64);
    let pin = format!("[[plugins.pins]]\nname = \"changed\"\nsha256 = \"{unknown}\"");
    let (project, key) = Tool::project("disabled = [\"unwanted\"]", &actions, &pin);
    install_tool(&project);
    let remote = describes("remote", r#"{"$ref":"https://example.com/schema.json"}"#);
    let wrong = describes("wrong", r#"{"type":"objekt"}"#);
    for (file, name, more) in [
        ("liba1.so", "twice", "ID=\"one\""),
        ("liba2.so", "twice", "ID=\"two\""),
        ("libdelay.so", "late", "ID=\"delay\""),
        ("libown.so", "own", "ID=\"api_call\""),
        ("libzsame.so", "same", "ID=\"tool\""),
        ("libremote.so", "remote", &remote),
        ("libwrong.so", "wrong", &wrong),
        ("libcrash.so", "crash", "DESCRIBE=abort()"),
        ("libmute.so", "mute", "DESCRIBE=host->done(call,ONWARD_STATUS_ERROR,TEXT(\"no\"))"),
        ("libopen.so", "open", "ID=\"open\""),
        ("libunwanted.so", "unwanted", "ID=\"unwanted\""),
        ("libchanged.so", "changed", "ID=\"changed\""),
        ("libzz.so", "zz", "ID=\"good\""),
    ] {
        install(&project, file, &[&part(name), more]);
    }
    let opened = project.path("plugins/libopen.so");
    fs::set_permissions(&opened, fs::Permissions::from_mode(0o666)).expect("set");
    project.write("plugins/libscript.so", "#!/bin/sh\n");
    project.write("plugins/README.md", "no library");
    let tool = Tool::of(project, &key);
    let log = tool.project.log();
    for (name, file, code, part) in [
        ("twice", "liba2.so", "plugin_name_taken", "/liba1.so is the plugin `twice` already: remove one"),
        (
            "late",
            "libdelay.so",
            "step_type_taken",
            "the plugin onward-plugin-flow has a step type `delay` already: leave one of them out (plugins.disabled)",
        ),
        ("own", "libown.so", "step_type_taken", "the server has a step type `api_call` already"),
        ("remote", "libremote.so", "plugin_steps_invalid", "refers to `https://example.com/schema.json`"),
        ("wrong", "libwrong.so", "plugin_steps_invalid", "is no JSON Schema"),
        ("same", "libzsame.so", "step_type_taken", "the plugin tool has a step type `tool` already"),
        ("crash", "libcrash.so", "plugin_not_described", "(signal: 6 (SIGABRT)"),
        ("mute", "libmute.so", "plugin_not_described", "it is to be an error, and is none"),
        ("open", "libopen.so", "plugin_changeable", "chmod go-w"),
        ("changed", "libchanged.so", "plugin_modified", "pin it anew (`onward plugin lock`)"),
        ("libscript.so", "libscript.so", "plugin_not_a_library", "it is no ELF file"),
    ] {
        let all = tool.server.get("/plugins").json();
        let file = tool.project.path("plugins").join(file).display().to_string();
        let found = all.as_array().expect("a list").iter().find(|it| it["file"] == file);
        let shown = found.unwrap_or_else(|| panic!("{file}: {all}"));
        assert_eq!((&shown["name"], &shown["state"]), (&json!(name), &json!("refused")), "{shown}");
        assert_eq!(shown["code"], code, "{shown}");
        let message = shown["message"].as_str().expect("a message");
        assert!(message.contains(part), "{name}: {message}");
        let is_said = |line: &&str| line.contains(&file) && line.contains(code) && line.contains("\"ERROR\"");
        assert!(log.lines().any(|line| is_said(&line)), "{name}: {log}");
    }
    // Which of two is the first, the names of their files say.
    assert_eq!(tool.plugin("unwanted")["state"], "disabled");
    for good in ["tool", "zz"] {
        assert_eq!(tool.plugin(good)["state"], "loaded");
    }
    let types = tool.server.get("/step-types").json();
    let ids: Vec<_> = types.as_array().expect("a list").iter().map(|it| it["id"].clone()).collect();
    for (id, is_there) in [("tool", true), ("good", true), ("one", true), ("two", false), ("changed", false)]
    {
        assert_eq!(ids.contains(&json!(id)), is_there, "{id}: {ids:?}");
    }
    assert_eq!(tool.perform("test", "answer", "{}")["state"], "succeeded");
}

/// What would be passed over is refused: a secret that nobody sees to be one would stand in the open.
#[test]
fn a_schema_of_which_a_part_would_not_be_seen_is_refused() {
    let (project, key) = Tool::project("", &[], "");
    let deep = describes("deep", r##"{"properties":{"a":{"$ref":"#/properties/b"},"b":{}}}"##);
    let unseen = describes("unseen", r#"{"patternProperties":{"^x":{"x-onward":{"secret":true}}}}"#);
    let called = describes("called", r#"{"properties":{"not":{"x-onward":{"secret":true}}}}"#);
    let referred = describes(
        "referred",
        r##"{"properties":{"a":{"patternProperties":{"^x":{"$ref":"#/$defs/b"}}}},"$defs":{"b":{"properties":{"c":{"x-onward":{"secret":true}}}}}}"##,
    );
    let dynamic = describes(
        "dynamic",
        r##"{"properties":{"a":{"$dynamicRef":"#/$defs/b"}},"$defs":{"b":{"x-onward":{"secret":true}}}}"##,
    );
    for (name, description) in [
        ("deep", &deep),
        ("unseen", &unseen),
        ("referred", &referred),
        ("dynamic", &dynamic),
        ("called", &called),
    ] {
        install(&project, &format!("lib{name}.so"), &[&part(name), description]);
    }
    let tool = Tool::of(project, &key);
    for (name, why) in [
        ("deep", "refers to `#/properties/b`"),
        ("unseen", "has an `x-onward` within `patternProperties`"),
        ("referred", "has an `x-onward` within `patternProperties`"),
        ("dynamic", "refers to `#/$defs/b`"),
    ] {
        let shown = tool.plugin(name);
        assert_eq!(shown["code"], "plugin_steps_invalid", "{shown}");
        assert!(shown["message"].as_str().is_some_and(|message| message.contains(why)), "{shown}");
    }
    assert_eq!(tool.plugin("called")["state"], "loaded");
}

/// "States shown: pinned, unpinned, modified."
#[test]
fn with_pinned_only_what_has_no_pin_is_left_out() {
    let (project, key) = Tool::project("pinned_only = true", &[], "");
    let path = install_tool(&project);
    let config = fs::read_to_string(project.path("onward.toml")).expect("the file");
    let tool = Tool::of(project, &key);
    let shown = tool.plugin("tool");
    assert_eq!((&shown["code"], &shown["pin"]), (&json!("plugin_unpinned"), &json!("unpinned")), "{shown}");
    assert!(shown["message"].as_str().is_some_and(|it| it.contains("onward plugin lock")), "{shown}");
    let Tool { project, server, .. } = tool;
    server.kill();

    let folder = project.path("plugins").display().to_string();
    project.write("onward.toml", &config);
    let locked = onward(&["plugin", "lock", &folder, "--write", &project.config()]);
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    let tool = Tool::of(project, &key);
    let shown = tool.plugin("tool");
    assert_eq!((&shown["state"], &shown["pin"]), (&json!("loaded"), &json!("pinned")), "{shown}");
    // What is done to the file does not reach a server that runs.
    fs::write(&path, "no library any more").expect("written");
    assert_eq!(tool.server.get("/step-types").status, 200);
    let Tool { project, server, .. } = tool;
    server.kill();
    install(&project, "libtool.so", &[&part("tool"), "ID=\"other\""]);
    let tool = Tool::of(project, &key);
    let shown = tool.plugin("tool");
    assert_eq!((&shown["code"], &shown["pin"]), (&json!("plugin_modified"), &json!("modified")), "{shown}");
}

#[test]
fn a_file_that_needs_a_type_that_is_not_there_says_where_it_was_looked() {
    let (project, _) = Tool::project("disabled = [\"tool\"]", &[told("Test", "tool", "")], "");
    install_tool(&project);
    let said = project.refused_command(&["check"]);
    let folder = project.path("plugins").display().to_string();
    assert!(said.contains("step_type_missing") && said.contains("there is no step type `tool`"), "{said}");
    assert!(said.contains(&format!("{folder}; not used: tool (disabled)")), "{said}");

    configure(&project, "", "");
    project.command(&["check"]);
    project.write("workflows/test.toml", &workflow(&[told("Test", "toool", "")]));
    let said = project.refused_command(&["check"]);
    assert!(said.contains("did you mean `tool`?"), "{said}");
    project.write("workflows/test.toml", &workflow(&[told("Test", "tool", "lable = \"x\"\nlist = [1]")]));
    let said = project.refused_command(&["check"]);
    assert!(said.contains("this step type has no parameter `lable`") && said.contains("`label`"), "{said}");
    assert!(said.contains("wrong_type"), "{said}");
}

/// A name that does nothing is a slip.
#[test]
fn what_the_settings_name_and_is_not_there_is_told() {
    let (project, _) = Tool::project("disabled = [\"tol\"]\nin_process = [\"tool\", \"gone\"]", &[], "");
    install_tool(&project);
    let said = project.command(&["check"]);
    let told = "warning[unknown_plugin]: plugins.disabled names “tol”, and there is no such plugin: did you mean “tool”?";
    assert!(said.contains(told) && said.contains("plugins.in_process names “gone”"), "{said}");
    assert!(!said.contains("names “tool”"), "{said}");
    let all: Value = serde_json::from_str(&project.command(&["check", "--json"])).expect("JSON");
    assert!(all.to_string().contains("\"unknown_plugin\""), "{all}");
    fs::remove_dir_all(project.path("plugins")).expect("removed");
    assert!(
        project.command(&["check"]).contains("warning[plugins_folder_unreadable]: the folder of plugins, /")
    );
}

/// What a template makes is a text; where a number is asked for, it becomes one.
#[test]
fn a_number_may_come_from_the_task() {
    let schema = r##"{"type":"object","additionalProperties":false,"$defs":{"Count":{"type":"integer"}},"properties":{
        "maybe":{"anyOf":[{"$ref":"#/$defs/Count"},{"type":"null"}],"x-onward":{"template":"text"}},
        "none":{"type":["integer","null"],"x-onward":{"template":"text"}},
        "counts":{"type":"array","items":{"$ref":"#/$defs/Count"},"x-onward":{"template":"text"}},
        "count":{"type":"integer","x-onward":{"template":"text"}},
        "flag":{"type":["boolean","null"],"x-onward":{"template":"text"}},
        "list":{"type":"array","items":{"type":"number"},"x-onward":{"template":"text"}},
        "text":{"type":"string","x-onward":{"template":"text"}}}}"##;
    let step = |text: &str| format!("type = \"counts\"\nname = \"Counts\"\n{text}");
    let actions = [
        action(
            "Test",
            &[&step(
                "count = \"{{Amount}}\"\nflag = \"{{Do}}\"\nlist = [1.5, \"{{Say}}\"]\ntext = \"{{Amount}}\"\nmaybe = \"{{Amount}}\"\ncounts = [\"{{Amount}}\"]\nnone = \"{{Note}}\"",
            )],
        ),
        action("Wrong", &[&step("count = \"{{Do}}\"")]),
    ];
    let (project, key) = Tool::project("", &actions, "");
    install(&project, "libcounts.so", &[&part("counts"), &describes("counts", &schema.replace('\n', ""))]);
    let tool = Tool::of(project, &key);
    let ended = tool.perform("test", "true", "0.5");
    assert_eq!(ended["state"], "succeeded", "{ended}");
    assert_eq!(
        ended["attempts"][0]["record"]["params"],
        json!({"count": 7, "flag": true, "list": [1.5, 0.5], "text": "7", "maybe": 7, "counts": [7], "none": null})
    );
    let ended = tool.perform("wrong", "many", "");
    assert_eq!((&ended["state"], &ended["code"]), (&json!("failed"), &json!("invalid_params")), "{ended}");
    assert!(
        ended["errors"][0].as_str().is_some_and(|it| it.contains("`count`") && !it.contains("many")),
        "{ended}"
    );
}

/// "Step type missing (plugin gone): the server starts, the workflow is marked broken, performing answers 409 `step_type_missing`, parked
/// executions wait as `blocked` and go on when it returns."
#[test]
fn a_plugin_that_is_gone_breaks_its_workflow_until_it_is_back() {
    let remembered =
        "type = \"tool\"\nname = \"Tool\"\ndo = \"answer\"\nsay = '{\"task\":{\"Note\":\"back\"}}'";
    let actions = [
        action("Test", &["type = \"delay\"\nfor = \"4s\"", remembered]),
        action(
            "Other",
            &[r#"type = "update_data"
fields = { "Note" = "other" }"#],
        ),
    ];
    let tool = Tool::start("", &actions);
    let id = tool.begin("test", "", "");
    tool.server.in_state(&id, "waiting");
    let Tool { project, server, .. } = tool;
    let key = server.key.clone();
    server.kill();
    let library = project.path("plugins/libtool.so");
    fs::rename(&library, project.path("kept.so")).expect("moved");

    let gone = Tool::of(project, &key);
    assert!(gone.project.log().contains("a workflow is broken"), "{}", gone.project.log());
    let shown = gone.server.get("/workflows").json().to_string();
    assert!(shown.contains("step type `tool`"), "{shown}");
    let blocked = gone.server.in_state(&id, "blocked");
    assert!(blocked["blocked_by"].as_str().is_some_and(|why| why.contains("`tool`")), "{blocked}");
    let refused = gone.server.perform("1", "test");
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (409, &json!("step_type_missing")),
        "{}",
        refused.body
    );
    let told: Value = refused.json();
    let folder = gone.project.path("plugins").display().to_string();
    let message = told["message"].as_str().unwrap_or_default();
    assert!(message.contains("`tool`") && message.contains(&folder), "{told} {folder}");
    // What needs it not goes on.
    gone.server.create_task(&json!({"Id": "other"}));
    assert_eq!(gone.server.performed("other", "other")["state"], "succeeded");
    let Tool { project, server, .. } = gone;
    server.kill();

    fs::rename(project.path("kept.so"), &library).expect("moved");
    let back = Tool::of(project, &key);
    assert_eq!(back.server.ended(&id)["state"], "succeeded");
    assert_eq!(back.server.task("1")["Note"], "back");
    assert_eq!(back.server.performed("other", "other")["state"], "succeeded");
}
