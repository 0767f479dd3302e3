//! What templates are read as, and what they are filled in with.

use super::*;
use crate::model::sample;

/// Something done where the sample's action runs.
fn in_sample<T>(secrets: &Secrets, run: impl FnOnce(&Scope<'_>, &Workflow) -> T) -> T {
    let (workflow, directory, task, performer) =
        (sample::workflow(), sample::directory(), sample::task(), sample::performer());
    let scope = Scope {
        action: "Finish",
        performer: &performer,
        execution: ExecutionId::from_u128(7),
        task: &task,
        workflow: &workflow,
        directory: &directory,
        secrets,
    };
    run(&scope, &workflow)
}

fn rendered(source: &str, escape: Escape) -> Result<String, RenderError> {
    in_sample(&Secrets::default(), |scope, workflow| {
        Template::parse(source, Destination::Call, workflow).expect("a good template").render(scope, escape)
    })
}

#[test]
fn places_are_filled_and_escaped() {
    for (source, escape, expected) in [
        ("https://x/{{Company Name}}?n={{ Number of Employees }}", Escape::Url, "https://x/Acme%20Corp?n=20"),
        ("{{action}} by {{user.first_name}} in {{Stage}}", Escape::Text, "Finish by Example in Completed"),
        ("{{task.International?}}|{{Assigned To}}", Escape::Header, "false|user@example.com"),
        ("no places", Escape::Url, "no places"),
    ] {
        assert_eq!(rendered(source, escape).as_deref(), Ok(expected));
    }
}

#[test]
fn a_name_that_nothing_has_is_an_error_with_a_suggestion() {
    for (source, expected) in [
        (
            "{{Compny Name}}",
            "`{{Compny Name}}` names no field of this workflow; did you mean `{{Company Name}}`?",
        ),
        (
            "{{zzz}}",
            "`{{zzz}}` names no field of this workflow; there are its fields (also as task.NAME), action, user.id, \
             user.email, user.first_name, user.last_name, execution.id, Stage, Assigned To and secrets.NAME",
        ),
        (
            "{{secret.TOKEN}}",
            "`{{secret.TOKEN}}` names no field of this workflow; did you mean `{{secrets.TOKEN}}`?",
        ),
        ("{{Company Name", "`{{` without a closing `}}`"),
        ("{{ }}", "`{{}}` names nothing; write a field's name between the braces"),
    ] {
        let errors = Template::parse(source, Destination::Call, &sample::workflow()).expect_err(source);
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
}

/// "`{{secrets.NAME}}` … never returned": not by way of a task's values either.
#[test]
fn a_secret_goes_to_a_receiver_and_not_into_a_task() {
    let value = (std::sync::Arc::from("a secret/"), secret::Source::Store);
    let secrets = Secrets::from(std::collections::BTreeMap::from([("TOKEN".to_owned(), value)]));
    in_sample(&secrets, |scope, workflow| {
        let parse = |source: &str, to| Template::parse(source, to, workflow);
        let template = parse("Bearer {{secrets.TOKEN}}", Destination::Call).expect("a template");
        assert_eq!(template.render(scope, Escape::Header).as_deref(), Ok("Bearer a secret/"));
        assert_eq!(template.render(scope, Escape::Url).as_deref(), Ok("Bearer a%20secret%2F"));
        let url = parse("{{secrets.TOKEN}}x/{{secrets.TOKEN}}", Destination::Call).expect("a template");
        assert_eq!(url.render_url(scope).as_deref(), Ok("a secret/x/a%20secret%2F"));
        assert_eq!(url.render(scope, Escape::Url).as_deref(), Ok("a%20secret%2Fx/a%20secret%2F"));
        assert!(url.begins_with_secret() && !template.begins_with_secret());
        assert_eq!((template.secrets().collect::<Vec<_>>(), template.sole_secret()), (vec!["TOKEN"], None));
        let missing = parse("{{ secrets.OTHER }}", Destination::Call).expect("a template");
        assert_eq!(missing.sole_secret(), Some("OTHER"));
        assert_eq!(missing.render(scope, Escape::Url), Err(RenderError::SecretMissing("OTHER".to_owned())));
        for (source, to) in [
            ("{{secrets.TOKEN}}", Destination::Task),
            ("{{secrets.}}", Destination::Call),
            ("{{secrets.a-b}}", Destination::Call),
        ] {
            assert!(parse(source, to).is_err(), "{source}");
        }
    });
}

/// A file field is the names of its files; alone in its template, the files themselves.
#[test]
fn files_are_their_names() {
    use crate::model::{BlobId, Field, FileEntry};
    let id = FieldId::new("papers");
    let papers = Field {
        id: id.clone(),
        name: "Papers".to_owned(),
        kind: FieldType::File { limit: None },
        required: false,
        editable: true,
    };
    let file =
        |name: &str| FileEntry { blob: BlobId::of(b""), filename: name.into(), content_type: "a/b".into() };
    let (mut workflow, mut task) = (sample::workflow(), sample::task());
    workflow.fields.push(papers);
    task.values.insert(id, FieldValue::Files(vec![file("a b.pdf"), file("c.pdf")]));
    let (directory, performer) = (sample::directory(), sample::performer());
    let execution = ExecutionId::from_u128(7);
    let scope = Scope {
        action: "Finish",
        performer: &performer,
        execution,
        task: &task,
        workflow: &workflow,
        directory: &directory,
        secrets: &Secrets::default(),
    };
    let template = |source| Template::parse(source, Destination::Call, &workflow).expect("a good template");
    assert_eq!(template("x/{{Papers}}").render(&scope, Escape::Url).as_deref(), Ok("x/a%20b.pdf%2C%20c.pdf"));
    assert_eq!(template("{{Papers}}.").render_value(&scope), "a b.pdf, c.pdf.");
    assert_eq!(template("{{Papers}}").render_value(&scope)[1]["filename"], "c.pdf");
}

#[test]
fn what_cannot_stand_in_a_url_says_what_to_write() {
    let workflow = sample::workflow();
    let told = |url: &str| {
        let template = Template::parse(url, Destination::Call, &workflow).expect(url);
        template.url_problem().map(|UrlProblem { message, help }| format!("{message}; {help}"))
    };
    for (url, expected) in [
        ("https://h/or ders", "a space cannot stand in a URL; write %20"),
        ("https://h/größe", "`ö` cannot stand in a URL; write %C3%B6"),
        ("https://h/<x>", "`<` cannot stand in a URL; write %3C"),
        ("https://h/`", "`` ` `` cannot stand in a URL; write %60"),
        ("https://h/a{", "`{` cannot stand in a URL; write %7B"),
        ("{{secrets.HOOK}}/a\u{a0}b", "the character U+00A0 cannot stand in a URL; write %C2%A0"),
        ("https://h/ ", "a space stands in the URL, beside a place or at its beginning or end; remove it"),
        (
            "https://h/{Company ID}",
            "`{Company ID}` in the URL is no place, and would be sent as it stands; a place has two braces on each side: {{Company ID}}",
        ),
        (
            "https://h/${Key}?x",
            "`${Key}` in the URL is no place, and would be sent as it stands; a place has two braces on each side: {{Key}}",
        ),
    ] {
        let told = told(url).unwrap_or_else(|| panic!("{url} is taken"));
        assert!(told.starts_with(expected), "{url}: {told}");
    }
    for url in
        ["https://h/a%20b?c[d]=e|f&g={{Company Name}}", "{{secrets.HOOK}}", "https://h/\"'()*+,;=:@!$~^\\"]
    {
        assert_eq!(told(url), None, "{url}");
    }
}
