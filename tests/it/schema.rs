//! "`onward schema` prints JSON Schemas for editors": what they accept and refuse is what `onward check` does, as far as
//! a schema can tell.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{Project, api_sample, binary, onward};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the command prints.
fn printed(of: &str) -> String {
    let output = onward(&["schema", of]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn validator(of: &str) -> Validator {
    let schema: Value = serde_json::from_str(&printed(of)).expect("JSON");
    assert!(jsonschema::meta::is_valid(&schema), "the schema of {of} is no schema");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// What a schema says of a TOML text; `None` when nothing.
fn refused(validator: &Validator, text: &str) -> Option<String> {
    let json: Value = toml::from_str(text).expect("TOML");
    let errors: Vec<_> =
        validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    (!errors.is_empty()).then(|| errors.join("\n"))
}

/// `onward schema config | head -1`
#[test]
fn whoever_reads_what_a_command_prints_may_stop() {
    let mut command = Command::new(binary());
    let mut printing = command
        .args(["schema", "config"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(printing.stdout.take());
    let output = printing.wait_with_output().expect("it ends");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn the_checked_in_schemas_are_what_the_command_prints() {
    for of in ["workflow", "config", "api"] {
        let path = root().join(format!("runtime/schemas/{of}.json"));
        let file = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            file == printed(of),
            "{} is not fresh: onward schema {of} > runtime/schemas/{of}.json",
            path.display()
        );
    }
    assert_eq!(onward(&["schema", "nothing"]).status.code(), Some(1));
}

/// Validators of other languages read patterns by regular expressions of their own.
#[test]
fn patterns_are_what_every_language_reads_alike() {
    // Classes by property and of POSIX, groups with a question mark, anchors and escapes of one language, and what
    // means something else, or nothing, from one to another.
    const NOT: [&str; 19] = [
        r"\p", r"\P", r"\d", r"\D", r"\w", r"\W", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\h", r"\u{", r"\x{",
        "(?", "[[", "&&", "--", "~~",
    ];
    fn patterns(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(keys) => {
                found.extend(keys.get("pattern").and_then(Value::as_str).map(str::to_owned));
                let of_names = keys.get("patternProperties").and_then(Value::as_object);
                found.extend(of_names.into_iter().flat_map(|it| it.keys().cloned()));
                keys.values().for_each(|value| patterns(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| patterns(item, found)),
            _ => {}
        }
    }
    for (of, least) in [("workflow", 20), ("config", 3)] {
        let mut found = Vec::new();
        patterns(&serde_json::from_str(&printed(of)).expect("JSON"), &mut found);
        assert!(found.len() >= least, "{of}: {found:?}");
        for pattern in found {
            let without_brackets = pattern.replace(r"\[", "");
            let has = |construct: &&str| without_brackets.contains(*construct);
            let wrong: Vec<_> = NOT.into_iter().filter(has).collect();
            assert!(wrong.is_empty() && pattern.is_ascii(), "{of}: {pattern} has {wrong:?}");
        }
    }
}

fn toml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            toml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_example_points_to_its_schema_and_fits_it() {
    let mut files = Vec::new();
    toml_files(&root().join("examples"), &mut files);
    files.retain(|file| !file.ends_with("Cargo.toml"));
    assert!(files.len() >= 2, "{files:?}");
    let (workflow, config) = (validator("workflow"), validator("config"));
    for file in files {
        let text = fs::read_to_string(&file).expect("a file");
        let (of, validator) =
            if file.ends_with("onward.toml") { ("config", &config) } else { ("workflow", &workflow) };
        let pointed = text.lines().next().and_then(|line| line.strip_prefix("#:schema "));
        let pointed = pointed.unwrap_or_else(|| panic!("{} does not begin with #:schema", file.display()));
        let pointed = file.with_file_name(pointed).canonicalize().expect("a path that works offline");
        let expected = root().join(format!("runtime/schemas/{of}.json")).canonicalize().expect("the schema");
        assert_eq!(pointed, expected, "{}", file.display());
        assert_eq!(refused(validator, &text), None, "{}", file.display());
    }
}

#[test]
fn the_defaults_and_what_they_may_be_fit_the_schema_of_the_configuration() {
    let config = validator("config");
    let defaults = fs::read_to_string(root().join("runtime/onward.default.toml")).expect("a file");
    assert_eq!(refused(&config, &defaults), None);
    let sound = "[server]\nlisten = \"[::1]:80\"\npublic_url = \"HTTPS://onward.example/a\"\n[traces]\nendpoint = \"http://c:1/x\"\n";
    assert_eq!(refused(&config, sound), None);
    assert_eq!(refused(&config, "egress.allow = \"10.0.0.0/8, billing.internal\"\n"), None);
    for broken in [
        "[sevrer]\n",
        "[server]\nlistne = \"x\"\n",
        "[server]\nworkers = \"many\"\n",
        "[engine]\nin_flight_max = 0\n",
        "[log]\nformat = \"xml\"\n",
        "[egress]\nallow = 5\n",
        "[retention]\nrecords_days = 40000\n",
        "[server]\nlisten = \"8080\"\n",
        "[server]\npublic_url = \"onward.example\"\n",
        "[server]\npublic_url = \"https://onward.example//a\"\n",
        "[traces]\nendpoint = \"collector:4318\"\n",
        "[egress]\nproxy = \"proxy.example:3128\"\n",
    ] {
        assert!(refused(&config, broken).is_some(), "{broken}");
        let project = Project::bare();
        project.write("onward.toml", broken);
        project.refused_command(&["check"]);
    }
}

/// A workflow with a part added to it.
fn with(part: &str) -> String {
    format!(
        "name = \"Test\"\n{part}\n[[stages]]\nname = \"Open\"\n[[fields]]\nname = \"Name\"\ntype = \"text\"\n"
    )
}

/// A workflow with a step of these keys.
fn with_step(keys: &str) -> String {
    with("") + &format!("[[actions]]\nname = \"Do\"\nfrom = [\"Open\"]\n[[actions.steps]]\n{keys}\n")
}

/// A workflow with a call that has these parameters, too.
fn with_call(params: &str) -> String {
    with_step(&format!("type = \"api_call\"\nurl = \"https://a.example/\"\n{params}"))
}

/// A workflow whose action has these keys.
fn with_action(keys: &str) -> String {
    with("") + &format!("[[actions]]\nname = \"Do\"\nfrom = [\"Open\"]\n{keys}\n")
}

fn sound() -> Vec<String> {
    let certificate = "certificate = \"{{secrets.CERTIFICATE}}\", key = \"{{secrets.KEY}}\"";
    let mut sound = vec![
        api_sample("https://billing.example"),
        with("id = \"été-2\"\nalerts = { log = false, webhook = \"{{secrets.HOOK}}\", every = \"1h\" }"),
        with("alerts = { webhook = \"https://chat.example/{{secrets.HOOK}}\" }"),
        with(
            "roles = [{ name = \"Viewer\", edit = false, perform = [] }, { name = \"Boss\", admin = true }]",
        ),
        with_step("type = \"delay\"\nfor = \"3d\"\nname = \"Wait\"\nid = \"wait\""),
        with("").replace("name = \"Open\"", "name = \"👩\u{200d}💻 prüft „Größe“\"\nid = \"größe-٣-東京-ß\""),
        with_step("type = \"delay\"\nfor = 90"),
        with_step("type = \"api_call\"\nurl = \"{{ secrets.HOOK }}/{{Name}}?a=[b]|c\""),
        with_step("type = \"delete_task\""),
        with_step("type = \"schedule_stage_change\"\nstage = \"Open\"\nin = \"12 h\""),
        with_step(
            "type = \"update_data\"\nfields = { Name = \"{{action}}\", \"Assigned To\" = \"a@b.example\" }",
        ),
        with_action("on_failure = \"revert\"\ncolor = \"#a0B1c2\""),
        with_action(
            "confirm = \"Sure, Zoë?\"\nafter = \"list\"\ncelebrate = true\nposition = [-100000, 100000]",
        ),
        with_action(
            "requires = { fields = [\"Name\"], checklist = true, assigned = true, roles = [\"Administrator\"], conditions \
             = [{ message = \"No\", any = [{ field = \"Name\", one_of = [\"a\", \"b\"] }, { field = \"Stage\", equals = \
             \"Open\" }] }] }",
        ),
    ];
    let stage = "checklist = [\"Call\", { title = \"Ask\", id = \"board\" }]\nend = true\nwas = \"Old\"";
    sound.push(with("").replace("name = \"Open\"", &format!("name = \"Open\"\ncolor = \"teal\"\n{stage}")));
    for field in [
        "name = \"A\"\ntype = \"singleSelect\"\noptions = [\"x\", \"y\"]\nid = \"a-1\"",
        "name = \"A\"\ntype = \"uniqueId\"\nautoincrement = true\nrequired = true",
        "name = \"A\"\ntype = \"file\"\nlimit = 5\neditable = false",
    ] {
        sound.push(with("") + &format!("[[fields]]\n{field}\n"));
    }
    sound.extend(
        [
            "method = \"PUT\"\nheaders = { X-A = \"{{Name}}\" }\ntimeout = 10\nmax_response_bytes = 1000",
            "strict_response = true\nstrict_fields = true\nproxy = \"direct\"",
            "proxy = \"http://{{secrets.PROXY_USER}}@198.51.100.1:3128\"",
            "timeout = \"090s\"\nformat = \"custom\"\ncontent_type = \"application/x-www-form-urlencoded; charset=utf-8\"\nresponse = { Name = \"/a~0~1/b\" }",
            "retry = { tries = 5, first = \"1s\", most = \"5m\", deduplicated = true }",
            "auth = { bearer = \"{{secrets.TOKEN}}\" }\nsigning_secret = \"{{secrets.SIGN}}\"",
            "auth = { basic = { user = \"onward\", password = \"{{secrets.PASSWORD}}\" } }",
            "auth = { api_key = { query = \"key\", value = \"{{secrets.KEY}}\" } }",
            "auth = { oauth2 = { token_url = \"https://id.example/\", client_id = \"o\", client_secret = \
             \"{{secrets.S}}\", scope = \"a\", credentials = \"body\" } }",
            "signing_secret = [\"{{secrets.NEW}}\", \"{{secrets.OLD}}\"]",
            &format!("tls = {{ ca = \"{{{{secrets.CA}}}}\", {certificate} }}"),
            &format!("tls = {{ {certificate} }}"),
            "format = \"custom\"\nmethod = \"GET\"",
            "format = \"custom\"\nbody = '{\"a\": \"{{Name}}\"}'\nsuccess = { status = [200, \"3xx\"], pointer = \"/ok\", \
             equals = true }\nresponse = { Name = \"/data/name\" }",
        ]
        .map(with_call),
    );
    sound
}

fn broken() -> Vec<String> {
    let mut broken = vec![
        api_sample("https://billing.example").replace("type = \"date\"", "type = \"dat\""),
        api_sample("https://billing.example").replace("color = \"green\"", "color = \"gren\""),
        api_sample("https://billing.example").replace("[[stages]]", "[[stage]]"),
        with("").replace("name = \"Test\"", ""),
        with("id = \"Not An Id\""),
        with("alerts = { every = \"soon\" }"),
        with("alerts = { webhook = \"chat.example\" }"),
        with("roles = [{ name = \"A\", prefers = true }]"),
        with("").replace("name = \"Open\"", "name = \"Open {now}\""),
        with("").replace("name = \"Open\"", "name = \"Open\"\nid = \"o\"\nwas = \"Old\""),
        with("").replace("name = \"Open\"", "name = \"Open\"\nchecklist = [{ caption = \"Call\" }]"),
        with("").replace("name = \"Open\"", "name = \"Open\"\nend = \"yes\""),
        with_action("on_failure = \"undo\""),
        with_action("confirm = \" \""),
        with_action("confirm = \"One\\ntwo\""),
        with_action(&format!("confirm = \"{}\"", "x".repeat(301))),
        with_action("after = \"home\""),
        with_action("celebrate = \"yes\""),
        with_action("position = [1]"),
        with_action("position = [1, 2, 3]"),
        with_action("position = [0.5, 2]"),
        with_action("position = [0, 100001]"),
        with("").replace("name = \"Open\"", "name = \"Open\"\nposition = [\"0\", 2]"),
        with("").replace("name = \"Open\"", "name = \"Open\"\nposition = [-100001, 2]"),
        with_action("requires = { roles = [] }"),
        with_action("requires = { conditions = [{ message = \"No\" }] }"),
        with_action("requires = { conditions = [{ all = [{ field = \"Name\", is_set = true }] }] }"),
        with_action("requires = { conditions = [{ message = \"No\", all = [{ field = \"Name\" }] }] }"),
        with_action(
            "requires = { conditions = [{ message = \"No\", all = [{ field = \"Name\", is_set = true, equals = \"a\" }] }] }",
        ),
        with_action("").replace("from = [\"Open\"]", "from = []"),
        with(&format!("id = \"{}\"", "x".repeat(101))),
        with("id = \"Été\""),
        with("").replace("name = \"Open\"", "name = \" Open\""),
        with("").replace("name = \"Open\"", "name = \"Open\u{a0}\""),
        with("").replace("name = \"Open\"", "name = \"Op\u{200b}en\""),
    ];
    for field in [
        "name = \"A\"\ntype = \"singleSelect\"",
        "name = \"A\"\ntype = \"text\"\noptions = [\"x\"]",
        "name = \"A\"\ntype = \"multipleSelect\"\noptions = [\"x\", \"x\"]",
        "name = \"A\"\ntype = \"singleSelect\"\noptions = [\" \"]",
        "name = \"A\"\ntype = \"file\"\nlimit = 51",
        "name = \"A\"\ntype = \"text\"\nrequird = true",
    ] {
        broken.push(with("") + &format!("[[fields]]\n{field}\n"));
    }
    broken.extend(broken_steps());
    broken.extend(broken_calls());
    broken
}

fn broken_steps() -> Vec<String> {
    vec![
        with_step("type = \"delay\"\nfor = \"0s\""),
        with_step("type = \"delay\"\nfor = 99999999"),
        with_step("type = \"api_call\"\nurl = \"\""),
        with_step("type = \"api_call\"\nurl = \"https://\""),
        with_step("type = \"api_call\"\nurl = \"ftp://a.example/\""),
        with_step("type = \"api_call\"\nurl = \"https://a.example/or ders\""),
        with_step("type = \"api_call\"\nurl = \"https://a.example/{Name}\""),
        with_step("name = \"No type\""),
        with_step("type = \"pause\"\nfor = \"3d\""),
        with_step("type = \"delay\""),
        with_step("type = \"delay\"\nfor = \"soon\""),
        with_step("type = \"delay\"\nfor = \"3d\"\nstage = \"Open\""),
        with_step("type = \"delete_task\"\nreally = true"),
        with_step("type = \"update_data\"\nfields = {}"),
        with_step("type = \"api_call\""),
    ]
}

fn broken_calls() -> Vec<String> {
    [
        "method = \"GET\"",
        "time_out = \"10s\"",
        "timeout = 30000",
        "proxy = \"\"",
        "proxy = \"proxy.example:3128\"",
        "auth = { oauth2 = { token_url = \"id.example\", client_id = \"o\", client_secret = \"{{secrets.S}}\" } }",
        "format = \"custom\"\ncontent_type = \"form\"",
        "format = \"custom\"\nsuccess = { status = [] }",
        "format = \"custom\"\nsuccess = { pointer = \"/a~2\" }",
        "body = \"only in the custom format\"",
        "headers = { X-A = 1 }",
        "max_response_bytes = 0",
        "strict_fields = \"yes\"",
        "format = \"xml\"",
        "retry = { tries = 1 }",
        "retry = { often = true }",
        "auth = { bearer = \"plain\" }",
        "auth = { bearer = \"{{secrets.A}}\", basic = { user = \"a\", password = \"{{secrets.B}}\" } }",
        "auth = { api_key = { value = \"{{secrets.KEY}}\" } }",
        "auth = { api_key = { header = \"A\", query = \"b\", value = \"{{secrets.KEY}}\" } }",
        "auth = { oauth2 = { token_url = \"https://id.example/\", client_id = \"o\" } }",
        "signing_secret = []",
        "signing_secret = \"whsec_plain\"",
        "tls = {}",
        "tls = { certificate = \"{{secrets.C}}\" }",
        "format = \"custom\"\nsuccess = { status = 700 }",
        "format = \"custom\"\nsuccess = { equals = true }",
        "format = \"custom\"\nresponse = { Name = \"data\" }",
    ]
    .map(with_call)
    .into()
}

/// A folder with these texts as `0.toml`, `1.toml` and so on, each a workflow of its own; what a check of it says.
fn checked(texts: &[String]) -> (bool, String) {
    let project = Project::bare();
    for (number, text) in texts.iter().enumerate() {
        let text = if text.starts_with("name")
            && text.lines().nth(1).is_some_and(|line| !line.starts_with("id = "))
        {
            text.replacen('\n', &format!("\nid = \"w{number}\"\n"), 1)
        } else {
            text.clone()
        };
        project.write(&format!("workflows/{number}.toml"), &text);
    }
    let output = onward(&["check", "--config", &project.config()]);
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn what_is_sound_fits_the_schema() {
    let (workflow, texts) = (validator("workflow"), sound());
    for text in &texts {
        assert_eq!(refused(&workflow, text), None, "{text}");
    }
    let (is_sound, said) = checked(&texts);
    assert!(is_sound, "{said}");
}

#[test]
fn what_is_broken_is_refused_by_the_schema_and_by_the_check() {
    let (workflow, texts) = (validator("workflow"), broken());
    for text in &texts {
        assert!(refused(&workflow, text).is_some(), "{text}");
    }
    let (is_sound, said) = checked(&texts);
    assert!(!is_sound);
    for (number, text) in texts.iter().enumerate() {
        assert!(said.contains(&format!("workflows/{number}.toml:")), "a check takes\n{text}\n{said}");
    }
}

#[test]
fn the_step_types_are_listed_with_what_they_take() {
    let (project, key) = Project::new(&api_sample("https://billing.example"));
    let server = project.serve(&key);
    let listed = server.get("/step-types").json();
    let listed = listed.as_array().expect("a list");
    let ids: Vec<_> = listed.iter().map(|it| it["id"].as_str().expect("an id")).collect();
    assert_eq!(
        ids,
        [
            "api_call",
            "assign_to",
            "condition",
            "delay",
            "delete_task",
            "email_notification",
            "move_to_stage",
            "schedule_stage_change",
            "slack_post",
            "update_data",
            "zap",
        ]
    );
    let of = |id: &str| listed.iter().find(|it| it["id"] == id).expect(id);
    let call = of("api_call");
    assert_eq!(
        (&call["name"], &call["category"], &call["effects"], &call["plugin"]),
        (&json!("API call"), &json!("integration"), &json!("external"), &Value::Null)
    );
    let moves = of("move_to_stage");
    let stage =
        json!({"description": "The name of the stage.", "type": "string", "x-onward": {"widget": "stage"}});
    assert_eq!(moves["schema"]["properties"]["stage"], stage);
    assert_eq!((&moves["effects"], &moves["schema"]["required"]), (&json!("none"), &json!(["stage"])));
    assert_eq!(moves["plugin"]["name"], "onward-plugin-task");
    assert!(moves["icon"].as_str().is_some_and(|icon| icon.starts_with("<svg")), "{moves}");
    assert_eq!(moves["examples"][0]["params"], json!({"stage": "Completed"}));
    for step_type in listed {
        assert!(jsonschema::meta::is_valid(&step_type["schema"]), "{}", step_type["id"]);
    }
    let unsigned = crate::support::request(&server.address, "GET", "/api/v1/step-types", &[], b"");
    assert_eq!(unsigned.status, 401);
}
