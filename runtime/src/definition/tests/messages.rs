//! What people hear who wrote what looks right and is not.

use expect_test::{Expect, expect};

use super::*;
use crate::{
    egress::{Guard, is_http},
    model::template::{Destination, Template},
    publish::Steps,
    step::sample::shipped,
};

const BASE: &str = "name = \"Orders\"\n[[stages]]\nname = \"Open\"\n[[stages]]\nname = \"Shipped\"\nend = true\n\
                    [[fields]]\nname = \"Order Number\"\ntype = \"uniqueId\"\nrequired = true\n\
                    [[fields]]\nname = \"Amount\"\ntype = \"currency\"\n";

fn report(source: &str) -> Diagnostics {
    let types = shipped(&Guard::default());
    read("orders.toml", source, &Steps(&types)).expect_err(source)
}

/// Every problem, as `line:column code: message (help)`.
fn told(source: &str) -> String {
    let report = report(source);
    let line = |problem: &Diagnostic| {
        let (line, column) = report.place(problem);
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{line}:{column} {}: {}{help}\n", problem.code, problem.message)
    };
    report.problems().iter().map(line).collect()
}

/// What is told of each of these texts, behind the text itself, on line 1 what begins there.
pub(super) fn told_of_each(texts: &[&str], source: impl Fn(&str) -> String, expected: Expect) {
    let each: String = texts.iter().map(|text| format!("{text}\n{}\n", told(&source(text)))).collect();
    // So that they are seen here.
    let each = each.replace('\u{200b}', "<U+200B>").replace('\u{a0}', "<U+00A0>");
    expected.assert_eq(&each);
}

fn with_call(params: &str) -> String {
    format!(
        "{BASE}[[actions]]\nname = \"Ship\"\nfrom = [\"Open\"]\n[[actions.steps]]\ntype = \"api_call\"\nurl = \"https://a.example/\"\n{params}\n"
    )
}

fn with_action(keys: &str) -> String {
    format!("{BASE}[[actions]]\nname = \"Ship\"\nfrom = [\"Open\"]\n{keys}\n")
}

fn with_field(keys: &str) -> String {
    format!("{BASE}[[fields]]\n{keys}\n")
}

#[test]
fn a_url_that_could_not_be_called_is_refused_with_what_to_write() {
    told_of_each(
        &[
            "url = \"https://a.example/or ders\"",
            "url = \"https://a.example/{Order Number}\"",
            "url = \"https://a.example/${Order Number}\"",
            "url = \"https://a.example/ \"",
        ],
        |url| with_call("").replace("url = \"https://a.example/\"", url),
        expect![[r#"
            url = "https://a.example/or ders"
            19:7 invalid_param: a space cannot stand in a URL (write %20)

            url = "https://a.example/{Order Number}"
            19:7 invalid_param: `{Order Number}` in the URL is no place, and would be sent as it stands (a place has two braces on each side: {{Order Number}})

            url = "https://a.example/${Order Number}"
            19:7 invalid_param: `${Order Number}` in the URL is no place, and would be sent as it stands (a place has two braces on each side: {{Order Number}})

            url = "https://a.example/ "
            19:7 invalid_param: a space stands in the URL, beside a place or at its beginning or end (remove it, or write %20 where a space is meant)

        "#]],
    );
    let alerts = |url: &str| format!("{BASE}[alerts]\n{url}\n");
    told_of_each(
        &["webhook = \"https://a.example/größe\""],
        alerts,
        expect![[r#"
        webhook = "https://a.example/größe"
        15:11 invalid_url: `ö` cannot stand in a URL (write %C3%B6)

    "#]],
    );
}

#[test]
fn whatever_is_taken_for_a_url_can_be_sent() {
    let workflow = sample::workflow();
    for c in (0..=255_u8).map(char::from).filter(|c| *c != '{') {
        let url = format!("https://a.example/a{c}b");
        let template = Template::parse(&url, Destination::Call, &workflow).expect("a template");
        assert!(template.url_problem().is_some() || is_http(&url), "{url:?}");
    }
}

#[test]
fn parameters_that_do_what_nobody_means_are_refused() {
    told_of_each(
        &[
            "auth = { bearer = \"Bearer {{secrets.T}}\" }",
            "format = \"custom\"\ncontent_type = \"form\"",
            "format = \"custom\"\ncontent_type = \"anything\"",
            "format = \"custom\"\nsuccess = { status = [] }",
            "format = \"custom\"\nsuccess = { pointer = \"/a~2\" }",
            "format = \"custom\"\nsuccess = { equals = 1 }",
            "format = \"custom\"\nresponse = { Amount = \"amount\" }",
            "retry = { first = \"10m\", most = \"1m\" }",
            "retry = { first = \"10m\" }",
        ],
        with_call,
        expect![[r#"
            auth = { bearer = "Bearer {{secrets.T}}" }
            20:10 invalid_param: `bearer` is the token alone: `Bearer` is sent before it without being written (leave out the word `Bearer`)

            format = "custom"
            content_type = "form"
            21:16 invalid_param: `content_type` must be a media type such as text/xml (did you mean application/x-www-form-urlencoded?)

            format = "custom"
            content_type = "anything"
            21:16 invalid_param: `content_type` must be a media type such as text/xml

            format = "custom"
            success = { status = [] }
            21:13 invalid_param: no status would be a success; write 200, "2xx", or leave `status` out for every 2xx

            format = "custom"
            success = { pointer = "/a~2" }
            21:13 invalid_param: in a JSON pointer `~` stands only as `~0`, which is a `~`, and `~1`, which is a `/`

            format = "custom"
            success = { equals = 1 }
            21:13 missing_key: `equals` needs a `pointer`: the place in the answer that must have this value

            format = "custom"
            response = { Amount = "amount" }
            21:14 invalid_param: a JSON pointer begins with a slash, such as "/data/id"

            retry = { first = "10m", most = "1m" }
            20:26 invalid_param: the pause after the first try (10m) would be longer than the longest (1m) (write a longer `most` or a shorter `first`)

            retry = { first = "10m" }
            20:11 invalid_param: the pause after the first try (10m) would be longer than the longest (5m) (write a longer `most` or a shorter `first`)

        "#]],
    );
}

#[test]
fn names_that_nobody_could_tell_apart_or_use_are_refused() {
    let fields = [
        "name = \"Kind\"\ntype = \"singleSelect\"\noptions = [\"A\", \" \"]",
        "name = \"Am\u{200b}ount\"\ntype = \"text\"",
        "name = \"Due\u{a0}Date\"\ntype = \"text\"",
        "name = \"action\"\ntype = \"text\"",
        "name = \"user.email\"\ntype = \"text\"",
        "name = \"secrets.X\"\ntype = \"text\"",
        "name = \"_sort\"\ntype = \"text\"",
    ];
    told_of_each(
        &fields,
        with_field,
        expect![[r#"
            name = "Kind"
            type = "singleSelect"
            options = ["A", " "]
            17:17 blank_option: an option must have more than spaces

            name = "Am<U+200B>ount"
            type = "text"
            15:8 unseen_character: a name must not contain U+200B, which cannot be seen; it stands behind 2 characters (write it anew, by hand)

            name = "Due<U+00A0>Date"
            type = "text"
            15:8 unseen_character: a name must not contain U+00A0, which looks like a plain space; it stands behind 3 characters (write a plain space there)

            name = "action"
            type = "text"
            15:8 hidden_field: in templates `{{action}}` would not be this field, but something else (call the field something else)

            name = "user.email"
            type = "text"
            15:8 hidden_field: in templates `{{user.email}}` would not be this field, but something else (call the field something else)

            name = "secrets.X"
            type = "text"
            15:8 hidden_field: in templates `{{secrets.X}}` would not be this field, but something else (call the field something else)

            name = "_sort"
            type = "text"
            15:8 hidden_field: lists could not be filtered by a field “_sort”: their queries have it for themselves (call the field something else)

        "#]],
    );
    // What is published is read all the same.
    struct Published;
    impl StepCheck for Published {
        fn check(&self, _: &StepDefinition, _: usize, _: &Workflow) -> Vec<ParamProblem> {
            Vec::new()
        }

        fn is_published(&self) -> bool {
            true
        }
    }
    for field in fields {
        read_back("orders", &with_field(field), &Published).unwrap_or_else(|report| panic!("{report}"));
    }
    // Where they do something, unseen characters stand.
    let sound = with_field("name = \"👩\u{200d}💻 می\u{200c}خواهم\"\ntype = \"text\"");
    assert!(read("orders.toml", &sound, &Anything).is_ok());
}

#[test]
fn what_only_the_custom_format_has_says_so() {
    told_of_each(
        &[
            "body = \"{}\"",
            "success = 200",
            "response = {}",
            "content_type = \"text/xml\"",
            "method = \"GET\"",
            "method = \"post\"",
            "format = \"Custom\"\nbody = \"{}\"",
            "headers = { Content-Type = \"text/xml\" }",
            "format = \"custom\"\nheaders = { Content-Type = \"text/xml\" }",
        ],
        with_call,
        expect![[r#"
            body = "{}"
            20:1 unknown_key: `body` means nothing in the default format, whose document Onward writes (for a request of one's own write format = "custom" beside it)

            success = 200
            20:1 unknown_key: `success` means nothing in the default format, whose document Onward writes (for a request of one's own write format = "custom" beside it)

            response = {}
            20:1 unknown_key: `response` means nothing in the default format, whose document Onward writes (for a request of one's own write format = "custom" beside it)

            content_type = "text/xml"
            20:1 unknown_key: `content_type` means nothing in the default format, whose document Onward writes (for a request of one's own write format = "custom" beside it)

            method = "GET"
            20:10 invalid_param: `method` must be one of POST, PUT, PATCH, DELETE (for a request of one's own write format = "custom" beside it)

            method = "post"
            20:10 invalid_param: `method` must be one of POST, PUT, PATCH, DELETE (write "POST")

            format = "Custom"
            body = "{}"
            20:10 invalid_param: `format` must be "default" or "custom"

            headers = { Content-Type = "text/xml" }
            20:13 invalid_param: the header `Content-Type` cannot be set: it is application/json in the default format, and what `content_type` says with format = "custom"

            format = "custom"
            headers = { Content-Type = "text/xml" }
            21:13 invalid_param: the header `Content-Type` cannot be set: it is application/json in the default format, and what `content_type` says with format = "custom"

        "#]],
    );
}

#[test]
fn what_must_be_a_table_is_shown_as_one() {
    told_of_each(
        &[
            "retry = 3",
            "auth = \"{{secrets.T}}\"",
            "tls = true",
            "headers = []",
            "format = \"custom\"\nsuccess = 200",
        ],
        with_call,
        expect![[r#"
            retry = 3
            20:9 wrong_type: `retry` must be a table, such as retry = { tries = 3 }

            auth = "{{secrets.T}}"
            20:8 wrong_type: `auth` must be a table, such as auth = { bearer = "{{secrets.TOKEN}}" }

            tls = true
            20:7 wrong_type: `tls` must be a table, such as tls = { ca = "{{secrets.CA}}" }

            headers = []
            20:11 wrong_type: `headers` must be a table, such as headers = { Name = "value" }

            format = "custom"
            success = 200
            21:11 wrong_type: `success` must be a table, such as success = { status = 200 }

        "#]],
    );
}

#[test]
fn what_every_task_has_is_said_where_it_is_taken_for_a_field() {
    let update = |fields: &str| {
        with_action(&format!("[[actions.steps]]\ntype = \"update_data\"\nfields = {{ {fields} }}"))
    };
    told_of_each(
        &[
            "Stage = \"Shipped\"",
            "\"Created On\" = \"2026-01-01\"",
            "Amount = \"{{Created On}}\"",
            "Amount = \"{{Amonut}} {{zzz}}\"",
        ],
        update,
        expect![[r#"
            Stage = "Shipped"
            19:12 unknown_field: “Stage” is no field (a step of its own moves the task: type = "move_to_stage" with `stage`)

            "Created On" = "2026-01-01"
            19:12 unknown_field: “Created On” follows from what happens to the task, and nothing sets it (leave it out)

            Amount = "{{Created On}}"
            19:12 invalid_template: `{{Created On}}` may not stand here: every task has it, but only lists and requests for tasks show it

            Amount = "{{Amonut}} {{zzz}}"
            19:12 invalid_template: `{{Amonut}}` names no field of this workflow; did you mean `{{Amount}}`?
            19:12 invalid_template: `{{zzz}}` names no field of this workflow; there are its fields (also as task.NAME), action, user.id, user.email, user.first_name, user.last_name, execution.id, Stage, Assigned To and secrets.NAME

        "#]],
    );
    let required = |name: &str| with_action(&format!("requires = {{ fields = [\"{name}\"] }}"));
    told_of_each(
        &["Assigned To", "Stage", "Created On"],
        required,
        expect![[r#"
        Assigned To
        17:24 unknown_field: “Assigned To” is no field (write assigned = true beside `fields`)

        Stage
        17:24 unknown_field: “Stage” is no field (leave it out: every task has it)

        Created On
        17:24 unknown_field: “Created On” is no field (leave it out: every task has it)

    "#]],
    );
}

#[test]
fn what_is_there_and_wrong_is_not_missing() {
    let from = |value: &str| with_action("").replace("from = [\"Open\"]", value);
    told_of_each(
        &["from = \"Open\"", "from = [1]", "from = []"],
        from,
        expect![[r#"
            from = "Open"
            16:8 wrong_type: `from` must be a list of texts, and this is one text (write from = ["Open"])

            from = [1]
            16:9 wrong_type: `from` must be a list of texts, and this is of type integer

            from = []
            16:8 missing_key: `from` must name at least one stage, else nobody can perform it

        "#]],
    );
    let options = |value: &str| with_field(&format!("name = \"Kind\"\ntype = \"singleSelect\"\n{value}"));
    told_of_each(
        &["options = \"A, B\"", "options = [1, 2]", "options = []", ""],
        options,
        expect![[r#"
            options = "A, B"
            17:11 wrong_type: `options` must be a list of texts, and this is one text (write options = ["A", "B"])

            options = [1, 2]
            17:12 wrong_type: `options` must be a list of texts, and this is of type integer
            17:15 wrong_type: `options` must be a list of texts, and this is of type integer

            options = []
            17:11 missing_key: a select field needs at least one option


            14:1 missing_key: a select field needs `options = ["…"]`

        "#]],
    );
}

#[test]
fn a_key_that_belongs_elsewhere_is_told_where() {
    let top = |part: &str| format!("{BASE}{part}\n");
    told_of_each(
        &[
            "[[steps]]\ntype = \"delete_task\"",
            "[requires]\nassigned = true",
            "[[conditions]]\nmessage = \"No\"",
        ],
        top,
        expect![[r#"
            [[steps]]
            type = "delete_task"
            14:3 unknown_key: `steps` is not a key of this table (steps belong to an action: write [[actions.steps]] below its [[actions]])

            [requires]
            assigned = true
            14:2 unknown_key: `requires` is not a key of this table (an action has it: write [actions.requires] below its [[actions]])

            [[conditions]]
            message = "No"
            14:3 unknown_key: `conditions` is not a key of this table (an action has them: write [[actions.requires.conditions]] below its [[actions]])

        "#]],
    );
    told_of_each(
        &[
            "roles = [\"Administrator\"]",
            "assigned = true",
            "[[actions.conditions]]\nmessage = \"No\"",
            "[actions.steps]\ntype = \"delete_task\"",
            "[[actions.requires.conditions]]\nmessage = \"No\"\nall = { field = \"Amount\", is_set = true }",
        ],
        with_action,
        expect![[r#"
            roles = ["Administrator"]
            17:1 unknown_key: `roles` is not a key of this table (what the action requires: write requires = { roles = ["…"] }, or `roles` below [actions.requires])

            assigned = true
            17:1 unknown_key: `assigned` is not a key of this table (what the action requires: write requires = { assigned = true })

            [[actions.conditions]]
            message = "No"
            17:11 unknown_key: `conditions` is not a key of this table (what the action requires: write [[actions.requires.conditions]])

            [actions.steps]
            type = "delete_task"
            17:1 wrong_type: `steps` must be a list of tables, written [[actions.steps]], and this is of type table

            [[actions.requires.conditions]]
            message = "No"
            all = { field = "Amount", is_set = true }
            19:7 wrong_type: `all` must be a list of tables, written all = [{ … }], and this is of type table

        "#]],
    );
}
