//! "Linter on workflows (in `check`, at save, in the API), each finding with a reason and a remedy."

use serde_json::json;

use crate::{
    rules::with_action,
    support::{Project, api_sample, eventually},
};

#[test]
fn findings_are_told_by_check_at_the_start_and_by_the_api() {
    let step = "type = \"api_call\"\nname = \"Call\"\nurl = \"https://a.example/\"\nheaders = { X-Token = \"abcdef\" }\n\
                auth = { bearer = \"{{secrets.NO_SUCH}}\" }";
    let requires = "requires = { roles = [\"Administrator\"] }";
    let text = api_sample("https://billing.example") + &with_action("", "Test", requires, &[step]);
    let (project, key) = Project::new(&text);
    let said = project.command(&["check"]);
    let summary = "1 workflow file, no problems, 2 warnings\n";
    assert!(
        said.contains("warning[plain_credential]: “Call” in “Test”") && said.ends_with(summary),
        "{said}"
    );
    let server = project.serve(&key);
    let findings = || {
        let findings = server.get("/workflows/api-sample/findings").json();
        let list = findings.as_array().expect("a list").clone();
        list.iter().map(|it| format!("{} {} {}", it["code"], it["action"], it["step"])).collect::<Vec<_>>()
    };
    let all = [
        r#""call_after_move" "Finish" "Tell the billing system""#,
        r#""nobody_may_perform" "Test" null"#,
        r#""plain_credential" "Test" "Call""#,
        r#""missing_secret" "Test" "Call""#,
    ];
    assert_eq!(findings(), all);
    let first = server.get("/workflows/api-sample/findings").json()[0].clone();
    assert_eq!(first["remedy"], json!("put the move behind the call, or write on_failure = \"revert\""));
    for code in ["call_after_move", "nobody_may_perform", "missing_secret"] {
        assert!(project.log().contains(code), "{code}");
    }
    let role = ["user", "role", "user@example.com", "--workflow", "api-sample", "--role", "Administrator"];
    project.command(&role);
    assert!(project.set_secret("NO_SUCH", "there it is").0);
    eventually("they are mended", || findings().len() == 2);
    assert_eq!(server.get("/workflows/nowhere/findings").status, 404);
}
