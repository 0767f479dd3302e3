//! "`onward check` reports every problem at once, each with file, line, a caret, a stable code, did you mean and what to
//! do."

use serde_json::{Value, json};

use crate::support::{Project, api_sample, onward};

/// Every problem of a file, as `line:column code: help`.
fn problems(text: &str) -> Vec<String> {
    let project = Project::bare();
    project.write("workflows/test.toml", text);
    let output = onward(&["check", "--json", "--config", &project.config()]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = json["files"][0]["problems"].as_array().expect("a list").clone();
    let shown = |it: &Value| {
        let (code, help) = (it["code"].as_str().expect("a code"), it["help"].as_str().unwrap_or_default());
        format!("{}:{} {code}: {help}", it["line"], it["column"]).trim_end_matches([' ', ':']).to_owned()
    };
    problems.iter().map(shown).collect()
}

#[test]
fn the_mistakes_of_a_whole_file_are_told_at_once_each_at_its_place() {
    let text = "name = \"Test\"\nsatges = []\n[[stages]]\nname = \"Open\"\ncolor = \"gren\"\n[[fields]]\nname = \"Company Name\"\n\
                type = \"txt\"\n[[actions]]\nname = \"Close\"\nfrom = [\"Opne\"]\n[[actions.steps]]\ntype = \"api_cal\"\n\
                [[actions.steps]]\ntype = \"api_call\"\n\
                headers = { X-One = \"{{Compny Name}} {{user.mail}}\", Host = \"x\" }\n\
                auth = { basic = { usr = \"a\", password = \"{{secrets.P}}\" } }\nretry = { tries = 50, fist = \"1s\" }\n\
                [[actions.steps]]\ntype = \"update_data\"\nfields = { \"Compny Name\" = \"{{secret.A}}\" }\n\
                [[actions.steps]]\ntype = \"move_to_stage\"\nstage = \"Opn\"\nstag = \"x\"\n[[actions.steps]]\ntype = \
                \"delete_task\"\nreally = true\n";
    let expected = [
        "2:1 unknown_key: did you mean `stages`?",
        "5:9 unknown_color: did you mean `green`?",
        "8:8 unknown_type: did you mean `text`?",
        "11:9 unknown_stage: did you mean “Open”?",
        "13:8 step_type_missing: did you mean `api_call`?",
        "15:8 missing_key: Where the call goes: http:// or https://, or a secret that begins so.",
        "16:13 invalid_template",
        "16:13 invalid_template",
        "16:54 invalid_param",
        "17:10 missing_key",
        "17:20 unknown_key: did you mean `user`?",
        "18:11 invalid_param",
        "18:23 unknown_key: did you mean `first`?",
        "21:12 unknown_field: did you mean “Company Name”?",
        "21:12 invalid_template",
        "24:9 unknown_stage: did you mean “Open”?",
        "25:1 unknown_key: did you mean `stage`?",
        "28:1 unknown_key: it knows timeout, type, name, id",
    ];
    assert_eq!(problems(text), expected);
}

/// What no instance could be made of is told when the file is read, and not when somebody performs the action.
#[test]
fn configurations_that_cannot_be_are_told_though_each_of_their_keys_is_right() {
    let server =
        "type = \"email_notification\"\nserver = \"smtp.example.com\"\nfrom = \"orders@example.com\"\n";
    let email = format!("{server}to = \"{{{{Assigned To}}}}\"\nsubject = \"Hello\"\n");
    let text = "text = \"Hello\"\n";
    let password = "username = \"u\"\npassword = \"{{secrets.P}}\"\n";
    let slack = "type = \"slack_post\"\ntext = \"Hello\"\n";
    let hook = "webhook_url = \"{{secrets.HOOK}}\"\n";
    let token = "token = \"{{secrets.TOKEN}}\"\nchannel = \"#sales\"\n";
    let tests = "[{ field = \"Stage\", equals = \"Open\" }]";
    let head = "name = \"Test\"\n[[stages]]\nname = \"Open\"\n[[actions]]\nname = \"Go\"\nfrom = [\"Open\"]\n[[actions.steps]]\n";
    let is_right = |step: &str| {
        let project = Project::bare();
        project.write("workflows/test.toml", &format!("{head}{step}"));
        onward(&["check", "--json", "--config", &project.config()]).status.code() == Some(0)
    };
    for step in [
        format!("{slack}{hook}"),
        format!("{slack}{token}"),
        format!("type = \"condition\"\nall = {tests}\n"),
        format!("type = \"condition\"\nany = {tests}\n"),
        format!("{email}{text}"),
        format!("{email}html = \"<b>{{{{Assigned To}}}}</b>\"\n{password}"),
        format!("{email}{text}{password}security = \"none\"\n").replace("smtp.example.com", "[::1]:2525"),
        format!("{email}{text}").replace("orders@example.com", "Orders <orders@example.com>"),
    ] {
        assert!(is_right(&step), "{step}");
    }
    for (step, code) in [
        (slack.to_owned(), "missing_key"),
        (format!("{slack}{hook}{token}"), "invalid_param"),
        ("type = \"condition\"\n".to_owned(), "missing_key"),
        (format!("type = \"condition\"\nall = {tests}\nany = {tests}\n"), "invalid_param"),
        (format!("{email}{text}username = \"u\"\n"), "missing_key"),
        (format!("{email}{text}password = \"{{{{secrets.P}}}}\"\n"), "missing_key"),
        (format!("{email}{text}{password}security = \"none\"\n"), "invalid_param"),
        (email.clone(), "missing_key"),
        (format!("{email}{text}").replace("orders@example.com", "orders"), "invalid_param"),
        (format!("{email}{text}reply_to = \"help\"\n"), "invalid_param"),
    ] {
        let found = problems(&format!("{head}{step}"));
        assert!(found.len() == 1 && found[0].contains(code), "{step}{found:?}");
    }
}

#[test]
fn what_only_follows_from_another_problem_is_not_told() {
    let action = "[[actions]]\nfrom = [\"Open\"]\nrequires = { fields = [\"Due\"], conditions = [{ message = \"No\", all = [{ \
                  field = \"Due\", at_least = \"today\" }] }] }\n[[actions.steps]]\ntype = \"move_to_stage\"\nstage = \"Open\"\n\
                  [[actions.steps]]\ntype = \"api_call\"\nurl = \"https://a.example/{{Due}}\"\n";
    let stage = "name = \"Test\"\n[[stages]]\nname = \"Open\"\n";
    let of_type = |kind: &str| format!("[[fields]]\nname = \"Due\"\ntype = \"{kind}\"\n");
    // The field is there, though nobody knows what it holds.
    let text = format!("{stage}{}{action}", of_type("dat"));
    assert_eq!(problems(&text), ["6:8 unknown_type: did you mean `date`?", "7:1 missing_key"]);
    // A field without a name may be the one that is meant, and a stage.
    let text = format!("{stage}{}{action}", of_type("date").replace("name =", "nmae ="));
    assert_eq!(
        problems(&text),
        ["4:1 missing_key", "5:1 unknown_key: did you mean `name`?", "7:1 missing_key"]
    );
    let text = format!("{}{}{action}", stage.replace("name = \"Open\"", "nmae = \"Open\""), of_type("date"));
    assert_eq!(
        problems(&text),
        ["2:1 missing_key", "3:1 unknown_key: did you mean `name`?", "7:1 missing_key"]
    );
    // What is no list has no parts to miss.
    assert_eq!(problems("name = \"Test\"\nstages = [\"Open\"]\n"), ["2:11 wrong_type"]);
    // Steps are checked in an action without a name, too.
    let text = format!("{stage}{}{}", of_type("date"), action.replace("{{Due}}", "{{Deu}}"));
    assert_eq!(problems(&text), ["7:1 missing_key", "15:7 invalid_template"]);
}

/// What `onward check --json` says of a project's files.
fn files(project: &Project) -> Vec<Value> {
    let output = onward(&["check", "--json", "--config", &project.config()]);
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    json["files"].as_array().expect("a list").clone()
}

#[test]
fn what_may_not_be_meant_has_its_line() {
    let project = Project::bare();
    let text = api_sample("https://billing.example") + "\n[[stages]]\nname = \"Attic\"\n";
    project.write("workflows/test.toml", &text);
    let line_of = |words: &str| text.lines().position(|line| line == words).expect(words) as u64 + 1;
    let (step, stage) = (line_of("name = \"Tell the billing system\""), line_of("name = \"Attic\""));
    let warnings = files(&project)[0]["warnings"].as_array().expect("a list").clone();
    let places: Vec<_> = warnings.iter().map(|it| (&it["code"], &it["line"], &it["column"])).collect();
    let column = json!(8);
    let expected = [(json!("unreachable_stage"), json!(stage)), (json!("call_after_move"), json!(step))];
    assert_eq!(places, expected.iter().map(|(code, line)| (code, line, &column)).collect::<Vec<_>>());
    let said = project.command(&["check"]);
    assert!(
        said.contains(&format!("workflows/test.toml:{step}:8\n  = help: put the move behind the call")),
        "{said}"
    );
}

#[test]
fn hidden_files_are_left_out_and_what_looks_meant_is_told() {
    let project = Project::bare();
    project.write("workflows/test.toml", &api_sample("https://billing.example"));
    project.write("workflows/.test.toml", "what an editor keeps");
    std::os::unix::fs::symlink("me@here.1", project.path("workflows/.#test.toml")).expect("a lock");
    project.write("workflows/README.md", "");
    project.write("workflows/OLD.TOML", "");
    project.write("workflows/more/new.toml", "");
    let said = project.command(&["check"]);
    assert!(said.contains("workflows/OLD.TOML: left out\nwarning[file_left_out]: it is not read"), "{said}");
    assert!(said.ends_with("1 workflow file, no problems, 3 warnings\n"), "{said}");
    let left_out: Vec<_> = files(&project)[1..].iter().map(|it| it["warnings"][0]["code"].clone()).collect();
    assert_eq!(left_out, ["file_left_out", "file_left_out"]);
}

#[test]
fn a_file_that_is_too_large_has_that_code() {
    let project = Project::bare();
    let large = format!("# {}\n", "x".repeat(1024 * 1024));
    project.write("workflows/test.toml", &large);
    assert_eq!(files(&project)[0]["problems"][0]["code"], "file_too_large");
    let said = project.refused_command(&["check"]);
    assert!(said.contains("error[file_too_large]: the file has more than 1048576 bytes"), "{said}");
    project.write("onward.toml", &large);
    assert_eq!(files(&project)[0]["problems"][0]["code"], "file_too_large");
}

/// "Whatever cannot work is refused": a value that is the same for every task is one that its field takes.
#[test]
fn what_update_data_sets_is_a_value_of_its_field() {
    let with = |fields: &str| {
        format!(
            "name = \"Test\"\n[[stages]]\nname = \"Open\"\n[[fields]]\nname = \"Id\"\ntype = \"uniqueId\"\nrequired = true\n\
             [[fields]]\nname = \"Amount\"\ntype = \"currency\"\n[[fields]]\nname = \"Kind\"\ntype = \"singleSelect\"\n\
             options = [\"A\", \"B\"]\n[[fields]]\nname = \"Due\"\ntype = \"date\"\n[[fields]]\nname = \"Done\"\n\
             type = \"checkbox\"\n[[fields]]\nname = \"Who\"\ntype = \"person\"\n[[fields]]\nname = \"Papers\"\ntype = \"file\"\n\
             [[actions]]\nname = \"Go\"\nfrom = [\"Open\"]\n[[actions.steps]]\ntype = \"update_data\"\n{fields}\n"
        )
    };
    for wrong in [
        "Amount = \"abc\"",
        "Amount = nan",
        "Amount = {}",
        "Amount = true",
        "Kind = \"C\"",
        "Due = \"today\"",
        "Due = \"2026-13-01\"",
        "Done = \"true\"",
        "Id = \"\"",
        "Id = \"active\"",
        "Who = 5",
        "\"Assigned To\" = 5",
        "Papers = \"a.png\"",
    ] {
        assert_eq!(problems(&with(&format!("fields = {{ {wrong} }}"))), ["32:12 invalid_value"], "{wrong}");
    }
    let both = with("fields = { Amount = \"abc\", Kind = \"{{Kind}}\", Due = \"{{Due}}x\", Done = 1 }");
    assert_eq!(problems(&both), ["32:12 invalid_value", "32:65 invalid_value"]);
    let project = Project::bare();
    let sound = "fields = { Amount = 10.50, Kind = \"\", Due = 2026-01-31, Done = false, Who = \"a@b.example\", \
                 \"Assigned To\" = \"\", Papers = [], Id = \"{{Kind}}\" }";
    project.write("workflows/test.toml", &with(sound));
    project.command(&["check"]);
    assert_eq!(problems(&with("fields = { Amuont = 5 }")), ["32:12 unknown_field: did you mean “Amount”?"]);
    let untyped = with("fields = { Due = 5 }").replace("type = \"date\"", "type = \"dat\"");
    assert_eq!(problems(&untyped), ["17:8 unknown_type: did you mean `date`?"]);
}
