//! Lists of tasks and executions: filters, orders, pages, and how long the first page takes among many.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Answer, Project, Receiver, Reply, Server, acme, api_sample};

const TASKS: &str = "/workflows/api-sample/tasks";
const COUNTS: &str = "/workflows/api-sample/task_counts";
const EXECUTIONS: &str = "/workflows/api-sample/executions";

/// A server with tasks of the reference page's workflow: each a list of names and values.
fn with_tasks(tasks: &[Value]) -> (Project, Server) {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    let server = project.serve(&key);
    tasks.iter().for_each(|task| server.create_task(task));
    (project, server)
}

/// The values that the listed tasks or executions have under a name, in the list's order.
fn values(answer: &Answer, name: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    answer.json().as_array().expect("a bare array").iter().map(|item| shown(&item[name])).collect()
}

fn ids(server: &Server, query: &str) -> Vec<String> {
    values(&server.get(&format!("{TASKS}{query}")), "Company ID")
}

/// The address of the next page, as the test's client takes one.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let address =
        link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a next page");
    let path = address.split_once("/api/v1").expect("an address of the API").1;
    Some(path.to_owned())
}

/// Follows a list to its end; how many items each page had, and all of them under a name.
fn followed(server: &Server, path: &str, name: &str) -> (Vec<usize>, Vec<String>) {
    let (mut sizes, mut all, mut path) = (Vec::new(), Vec::new(), Some(path.to_owned()));
    while let Some(page) = path {
        let answer = server.get(&page);
        let found = values(&answer, name);
        sizes.push(found.len());
        all.extend(found);
        path = next(&answer);
    }
    (sizes, all)
}

fn refused(server: &Server, path: &str) -> String {
    let answer = server.get(path);
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_parameter")), "{path}");
    answer.json()["message"].as_str().expect("a message").to_owned()
}

fn some_tasks() -> Vec<Value> {
    vec![
        json!({"Company ID": "1", "Company Name": "Acme", "Contract Value": "10000.00", "Number of Employees": "9"}),
        json!({"Company ID": "2", "Company Name": "acme", "Contract Value": "10000", "International?": true,
               "Stage": "In Progress", "Assigned To": "user@example.com"}),
        json!({"Company ID": "3", "Company Name": "Zoo & Söhne", "Contract Value": "-5.5", "Number of Employees": "10",
               "Stage": "In Progress"}),
        json!({"Company ID": "10", "Expected Close Date": "2020-01-31", "Stage": "Completed",
               "Contract Value": "1234567890123456789012345678901234567890123456789012345678901234"}),
    ]
}

#[test]
fn tasks_are_found_by_any_field() {
    let (_project, server) = with_tasks(&some_tasks());
    for (query, expected) in [
        ("", &["1", "2", "3", "10"][..]),
        ("?Stage=In%20Progress", &["2", "3"]),
        ("?Stage=In%20Progress&Assigned%20To=", &["3"]),
        ("?Assigned%20To=USER@example.com", &["2"]),
        ("?Company%20ID=10", &["10"]),
        ("?Company%20ID=010", &[]),
        ("?Company%20Name=Acme", &["1"]),
        ("?Company%20Name=Zoo%20%26%20S%C3%B6hne", &["3"]),
        ("?Company%20Name=", &["10"]),
        // By what numbers are worth, as in conditions.
        ("?Contract%20Value=10000.0", &["1", "2"]),
        ("?Contract%20Value=1234567890123456789012345678901234567890123456789012345678901235", &[]),
        ("?Contract%20Value=much", &[]),
        ("?Expected%20Close%20Date=2020-01-31", &["10"]),
        // A checkbox that nobody ticked is false, and never empty.
        ("?International%3F=false", &["1", "3", "10"]),
        ("?International%3F=true", &["2"]),
        ("?International%3F=", &[]),
        // A name that is given twice asks for either.
        ("?Company%20Name=Acme&Company%20Name=acme", &["1", "2"]),
        ("?Company%20Name=Acme&Company%20Name=&Contract%20Value=10000", &["1"]),
        ("?Stage=Nowhere", &[]),
        ("/active", &["1", "2", "3"]),
        ("/active?Assigned%20To=", &["1", "3"]),
        ("/active?Stage=Completed", &[]),
    ] {
        assert_eq!(ids(&server, query), expected, "{query}");
    }
}

#[test]
fn tasks_are_put_in_order_by_any_field() {
    let (_project, server) = with_tasks(&some_tasks());
    for (query, expected) in [
        ("?_sort=-Created%20On", ["10", "3", "2", "1"]),
        ("?_sort=Company%20ID", ["1", "2", "3", "10"]),
        ("?_sort=Company%20Name", ["1", "3", "2", "10"]),
        // Those without a value are last, whichever way round, and ties are as they were created.
        ("?_sort=-Company%20Name", ["2", "3", "1", "10"]),
        ("?_sort=Contract%20Value", ["3", "1", "2", "10"]),
        ("?_sort=-Contract%20Value", ["10", "1", "2", "3"]),
        ("?_sort=Number%20of%20Employees", ["1", "3", "2", "10"]),
        ("?_sort=-Number%20of%20Employees", ["3", "1", "2", "10"]),
        ("?_sort=Stage", ["1", "2", "3", "10"]),
        ("?_sort=-Stage", ["10", "2", "3", "1"]),
        ("?_sort=Assigned%20To", ["2", "1", "3", "10"]),
        ("?_sort=International%3F", ["1", "3", "10", "2"]),
    ] {
        assert_eq!(ids(&server, query), expected, "{query}");
        let (sizes, paged) = followed(&server, &format!("{TASKS}{query}&_limit=3"), "Company ID");
        assert_eq!((sizes, paged), (vec![3, 1], expected.map(str::to_owned).to_vec()), "{query}");
    }
    let changed = server.send(
        "PUT",
        TASKS,
        &[],
        json!({"Company ID": "2", "Company Name": "new"}).to_string().as_bytes(),
    );
    assert_eq!(changed.status, 200);
    assert_eq!(ids(&server, "?_sort=-Updated%20On")[0], "2");
}

/// "The next page's cursor is in a header; the body stays the bare array."
#[test]
fn pages_are_followed_to_the_end() {
    let tasks: Vec<_> =
        (1..=5).map(|number| json!({"Company ID": number.to_string(), "Stage": "In Progress"})).collect();
    let (_project, server) = with_tasks(&tasks);
    let page = |query: &str| followed(&server, &format!("{TASKS}{query}"), "Company ID");
    let all = ["1", "2", "3", "4", "5"].map(str::to_owned).to_vec();
    assert_eq!(page("?_limit=2"), (vec![2, 2, 1], all.clone()));
    assert_eq!(page("?_limit=5"), (vec![5], all.clone()), "a last page that is full has no next one");
    assert_eq!(page("/active?Stage=In%20Progress&_limit=4"), (vec![4, 1], all));
    assert_eq!(page("?Stage=Completed&_limit=4"), (vec![0], vec![]));
    let first = server.get(&format!("{TASKS}?_limit=2"));
    let cursor = first.header("onward-next-cursor").expect("a cursor");
    // With a cursor alone: the rest, whole.
    assert_eq!(ids(&server, &format!("?_cursor={cursor}")), ["3", "4", "5"]);
    assert_eq!(ids(&server, &format!("?_limit=1&_cursor={cursor}")), ["3"]);
    // What is gone leaves no gap and no repetition, also where the page ended.
    assert_eq!(server.send("DELETE", &format!("{TASKS}/2"), &[], b"").status, 204);
    assert_eq!(ids(&server, &format!("?_limit=2&_cursor={cursor}")), ["3", "4"]);
    for path in [
        format!("{TASKS}/active?_limit=2&_cursor={cursor}"),
        format!("{TASKS}?Stage=In%20Progress&_limit=2&_cursor={cursor}"),
        format!("{TASKS}?_sort=Stage&_limit=2&_cursor={cursor}"),
        format!("{TASKS}?_limit=2&_cursor={}", &cursor[1..]),
        format!("{TASKS}?_limit=2&_cursor="),
        format!("{EXECUTIONS}?_cursor={cursor}"),
    ] {
        assert!(refused(&server, &path).contains("no cursor of this list"), "{path}");
    }
}

#[test]
fn a_bad_parameter_is_refused_with_what_is_meant() {
    let (_project, server) = with_tasks(&[]);
    for (path, expected) in [
        (format!("{TASKS}?Compny%20Name=x"), "did you mean `Company Name`?"),
        (format!("{TASKS}?_limt=5"), "did you mean `_limit`?"),
        (format!("{TASKS}?_sort=-Contract%20Valu"), "did you mean `Contract Value`?"),
        (format!("{TASKS}?_sort="), "there are `Company ID`"),
        (format!("{TASKS}?Updated%20On=x"), "no field `Updated On`"),
        (format!("{TASKS}?_limit=0"), "from 1 to 1000"),
        (format!("{TASKS}?_limit=1001"), "from 1 to 1000"),
        (format!("{TASKS}?_limit=ten"), "not `ten`"),
        (format!("{TASKS}?_limit=1&_limit=2"), "given twice"),
        (format!("{EXECUTIONS}?stat=failed"), "did you mean `state`?"),
        (format!("{EXECUTIONS}?status=fail"), "did you mean `Fail`?"),
        (format!("{EXECUTIONS}?state=sucseeded"), "did you mean `succeeded`?"),
        (format!("{EXECUTIONS}?since=yesterday"), "RFC 3339"),
        (format!("{EXECUTIONS}?_limit=5000"), "from 1 to 1000"),
        (format!("{EXECUTIONS}?_cursor=AAAA"), "no cursor of this list"),
    ] {
        let message = refused(&server, &path);
        assert!(message.contains(expected), "{path}: {message}");
    }
    let missing = server.get(&format!("{EXECUTIONS}?task=nobody"));
    assert_eq!((missing.status, &missing.json()["code"]), (404, &json!("task_not_found")));
}

#[test]
fn executions_are_listed_with_what_became_of_them() {
    let receiver = Receiver::start(Reply::new(500, "broken"));
    let (project, key) = Project::new(&api_sample(&receiver.url()));
    let server = project.serve(&key);
    server.create_task(&acme());
    server.create_task(&json!({"Company ID": "7"}));
    let started = server.performed("7", "start");
    let failed = server.performed("42", "finish");
    let list = |query: &str| server.get(&format!("{EXECUTIONS}{query}"));
    let listed = |query: &str| values(&list(query), "id");
    let (started_id, failed_id) =
        (started["id"].as_str().expect("an id"), failed["id"].as_str().expect("an id"));
    let body = list("").json();
    assert_eq!(
        body[0],
        json!({
            "id": failed_id, "status": "Fail", "errors": failed["errors"], "state": "failed",
            "action": {"id": "finish", "name": "Finish"}, "task": failed["task"],
            "task_summary": {"unique_id": "42", "title": "Acme Corp"},
            "performed_by": {"id": "abc123", "email": "user@example.com", "first_name": "Example", "last_name": "User"},
            "created_at": failed["created_at"], "updated_at": failed["updated_at"],
        })
    );
    assert_eq!(body[1].get("errors"), None);
    let (at, task) =
        (failed["created_at"].as_str().expect("an instant"), started["task"].as_str().expect("an id"));
    let (both, first, last) = (vec![failed_id, started_id], vec![started_id], vec![failed_id]);
    for (query, expected) in [
        (String::new(), &both),
        ("?status=Fail".to_owned(), &last),
        ("?status=Success".to_owned(), &first),
        ("?status=Pending".to_owned(), &vec![]),
        ("?state=failed".to_owned(), &last),
        ("?state=failed&status=Success".to_owned(), &vec![]),
        ("?action=start".to_owned(), &first),
        ("?task=7".to_owned(), &first),
        (format!("?task={task}"), &first),
        (format!("?since={at}"), &last),
        (format!("?until={at}"), &first),
    ] {
        assert_eq!(listed(&query), *expected, "{query}");
    }
    assert_eq!(
        followed(&server, &format!("{EXECUTIONS}?_limit=1"), "id"),
        (vec![1, 1], both.iter().map(|id| (*id).to_owned()).collect())
    );
    // The executions of a task that is gone stay, under its id.
    assert_eq!(server.send("DELETE", &format!("{TASKS}/7"), &[], b"").status, 204);
    assert_eq!(listed(&format!("?task={task}")), first);
    assert_eq!(list(&format!("?task={task}")).json()[0]["task_summary"], Value::Null);
    let detail = |id: &str| server.get(&format!("{EXECUTIONS}/{id}")).json()["task_summary"].clone();
    assert_eq!(detail(started_id), Value::Null);
    assert_eq!(detail(failed_id), json!({"unique_id": "42", "title": "Acme Corp"}));
}

const MANY: usize = 100_000;

/// Fills the database of a server that does not run: tasks with three values each, one in a thousand of the page's user.
fn fill(project: &Project, many: usize) {
    let connection = rusqlite::Connection::open(project.path("data/onward.db")).expect("the database");
    let tasks = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {many})
         INSERT INTO task (id, workflow_id, unique_id, stage_id, assigned_to, field_values, created_on, updated_on)
         SELECT unhex(printf('%032x', n)), 'api-sample', n,
                CASE n % 3 WHEN 0 THEN 'not-started' WHEN 1 THEN 'in-progress' ELSE 'completed' END,
                iif(n % 1000 = 0, 'abc123', NULL),
                json_object('company-id', cast(n AS text), 'company-name', 'Company ' || (n % 10000),
                            'contract-value', cast(n * 7919 % {many} AS text)), n, n FROM n"
    );
    connection.execute_batch(&tasks).expect("filled");
    // As much as one reading of a list of executions looks at, and more; the page's task has the oldest.
    let executions =
        "INSERT INTO execution (id, task_id, workflow_id, version, action_id, performer, state, step, flag, attempts,
                                created_at, updated_at, place)
         SELECT unhex(printf('%032x', 1000000 + created_on)), id, 'api-sample', 1, 'finish', '{\"id\":\"x\"}',
                'succeeded', 0, 0, 0, created_on, created_on, id
         FROM task WHERE created_on <= 30000";
    connection.execute_batch(executions).expect("filled");
}

/// The middle of some times that a request takes.
fn took(server: &Server, path: &str) -> Duration {
    let one = || {
        let began = Instant::now();
        assert_eq!(server.get(path).status, 200, "{path}");
        began.elapsed()
    };
    let mut times: Vec<_> = (0..11).map(|_| one()).collect();
    times.sort_unstable();
    times[5]
}

/// "A first page on 100,000 tasks comes in a few milliseconds": it may take so many times as long as reading one task,
/// which is a connection, a key, an index and an answer.
const PAGE_OVER_ONE_MAX: f64 = 15.0;

#[test]
fn a_first_page_among_many_comes_at_once() {
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    fill(&project, MANY);
    let server = project.serve(&key);
    let one = took(&server, &format!("{TASKS}/77777"));
    for query in [
        "?_limit=50",
        "?_limit=50&_sort=-Created%20On",
        "?_limit=50&Stage=Completed",
        "/active?_limit=50",
        "?_limit=50&Assigned%20To=user@example.com",
        "?_limit=50&Assigned%20To=",
        "?_limit=50&Company%20ID=5",
        "?_limit=50&International%3F=false",
    ] {
        let page = took(&server, &format!("{TASKS}{query}"));
        let ratio = page.as_secs_f64() / one.as_secs_f64();
        assert!(
            ratio < PAGE_OVER_ONE_MAX,
            "{query}: {page:?}, {ratio:.1} times as long as one task ({one:?})"
        );
    }
    // What no index leads to is found, too: read piece by piece, whole and by pages.
    let rare = format!("{TASKS}?Company%20Name=Company%209999");
    let expected: Vec<_> = (1..=10).map(|tens| (tens * 10_000 - 1).to_string()).collect();
    assert_eq!(values(&server.get(&rare), "Company ID"), expected);
    assert_eq!(followed(&server, &format!("{rare}&_limit=4"), "Company ID"), (vec![4, 4, 2], expected));
    let sorted = server.get(&format!("{TASKS}?_sort=-Contract%20Value&_limit=2"));
    assert_eq!(values(&sorted, "Contract Value"), ["99999", "99998"]);
    let all: BTreeSet<_> = values(&server.get(TASKS), "Company ID").into_iter().collect();
    assert_eq!(all.len(), MANY);
    // A page of executions that found too few says so, and goes on.
    let of_one = format!("{EXECUTIONS}?task=00000000-0000-0000-0000-000000000001");
    let first = server.get(&of_one);
    assert_eq!(
        (first.body.as_str(), first.header("onward-short-page")),
        ("[]", Some("20000 executions were looked at"))
    );
    assert_eq!(followed(&server, &of_one, "task").0, [0, 1]);
}

/// "The words of requirements' conditions", and a text that is looked for; with orders and pages as they are.
#[test]
fn tasks_are_found_by_tests_and_by_a_text() {
    let (_project, server) = with_tasks(&some_tasks());
    let asked = |tests: Value| format!("_where={}", encoded(&tests.to_string()));
    let stage = json!({"field": "Stage", "one_of": ["In Progress", "Completed"]});
    let dear = json!({"field": "Contract Value", "at_least": "10000"});
    for (query, expected) in [
        (asked(json!([])), &["1", "2", "3", "10"][..]),
        (asked(json!([dear])), &["1", "2", "10"]),
        (asked(json!([dear, stage])), &["2", "10"]),
        (asked(json!([{"field": "Contract Value", "less_than": 0}])), &["3"]),
        (asked(json!([{"field": "Assigned To", "is_set": false}])), &["1", "3", "10"]),
        (asked(json!([{"field": "Assigned To", "equals": "USER@example.com"}])), &["2"]),
        (asked(json!([{"field": "Assigned To", "not_equals": "user@example.com"}])), &["1", "3", "10"]),
        (asked(json!([{"field": "Stage", "not_equals": "In Progress"}])), &["1", "10"]),
        (asked(json!([{"field": "Company Name", "contains": "me"}])), &["1", "2"]),
        (
            asked(
                json!([{"field": "Company Name", "is_set": true}, {"field": "International?", "equals": false}]),
            ),
            &["1", "3"],
        ),
        (asked(json!([{"field": "Company ID", "one_of": ["3", "10", "77"]}])), &["3", "10"]),
        (asked(json!([{"field": "Expected Close Date", "at_most": "today"}])), &["10"]),
        ("_search=ACME".to_owned(), &["1", "2"]),
        ("_search=S%C3%96HNE".to_owned(), &["3"]),
        ("_search=123456".to_owned(), &["10"]),
        ("_search=%20user%40exa".to_owned(), &["2"]),
        ("_search=%25".to_owned(), &[]),
        ("_search=%22".to_owned(), &[]),
        (format!("_search=acme&{}", asked(json!([stage]))), &["2"]),
        (format!("Stage=Not%20Started&{}", asked(json!([dear]))), &["1"]),
    ] {
        assert_eq!(ids(&server, &format!("?{query}")), expected, "{query}");
        let pages = followed(&server, &format!("{TASKS}?{query}&_limit=1"), "Company ID").1;
        assert_eq!(pages, expected, "{query}, by pages");
        let sorted: BTreeSet<_> =
            ids(&server, &format!("?{query}&_sort=-Contract%20Value&_limit=10")).into_iter().collect();
        assert_eq!(sorted, expected.iter().map(|id| (*id).to_owned()).collect(), "{query}, sorted");
        let counts = server.get(&format!("{COUNTS}?{query}")).json();
        assert_eq!((&counts["matching"], &counts["total"]), (&json!(expected.len()), &json!(4)), "{query}");
    }
    assert_eq!(ids(&server, &format!("/active?{}", asked(json!([dear])))), ["1", "2"]);
    let first = server.get(&format!("{TASKS}?_search=acme&_limit=1"));
    let cursor = first.header("onward-next-cursor").expect("a cursor");
    let other = format!("{TASKS}?_search=zoo&_limit=1&_cursor={cursor}");
    assert!(refused(&server, &other).contains("no cursor of this list"));
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn tests_that_cannot_be_asked_are_refused_with_their_numbers() {
    let (_project, server) = with_tasks(&[]);
    let many = vec![json!({"field": "Stage", "equals": "Completed"}); 21];
    for (tests, expected) in [
        (
            json!([{"field": "Stage", "equals": "Completed"}, {"field": "Contract Valu", "is_set": true}]),
            "test 2: there is no field “Contract Valu”; did you mean “Contract Value”?",
        ),
        (json!([{"field": "Stage", "equals": "Complete"}]), "test 1: there is no stage “Complete”"),
        (json!([{"field": "Stage", "at_least": "Completed"}]), "cannot be tested with `at_least`"),
        (json!([{"field": "Contract Value", "at_least": "much"}]), "test 1: the value for “Contract Value”"),
        (json!([{"field": "Contract Value", "at_lest": "1"}]), "did you mean `at_least`?"),
        (json!([{"field": "Contract Value"}]), "the test has no operator"),
        (json!([{"equals": "1"}]), "`field` is missing"),
        (json!([{"field": "Contract Value", "at_least": "1", "at_most": "2"}]), "a second operator"),
        (json!([{"field": "Contract Value", "equals": null}]), "is empty"),
        (json!([{"field": "Company Name", "equals": "'; DROP TABLE task; --\u{0}"}]), "NUL"),
        (json!([["Stage"]]), "a JSON list of at most 20 tests"),
        (json!({"field": "Stage"}), "a JSON list of at most 20 tests"),
        (json!(many), "there are 21"),
    ] {
        for path in [TASKS, COUNTS] {
            let answer = server.get(&format!("{path}?_where={}", encoded(&tests.to_string())));
            let body = answer.json();
            assert_eq!((answer.status, &body["code"]), (422, &json!("invalid_where")), "{tests}");
            assert!(body["message"].as_str().is_some_and(|it| it.contains(expected)), "{tests}: {body}");
        }
    }
    let broken = server.get(&format!("{TASKS}?_where=%5B"));
    assert_eq!((broken.status, &broken.json()["code"]), (422, &json!("invalid_where")));
    for query in ["_search=", "_search=%20", &format!("_search={}", "x".repeat(201)), "_search=a&_search=b"] {
        assert!(refused(&server, &format!("{TASKS}?{query}")).contains("_search"), "{query}");
    }
    assert!(refused(&server, &format!("{COUNTS}?_sort=Stage")).contains("leave it out"));
}

/// "So that a facet's other values keep their counts."
#[test]
fn tasks_are_counted_by_stages_and_assignees() {
    let (project, server) = with_tasks(&some_tasks());
    project.command(&[
        "user",
        "add",
        "--id",
        "idle",
        "--email",
        "idle@example.com",
        "--first-name",
        "Idle",
        "--last-name",
        "One",
    ]);
    let counts = |query: &str| server.get(&format!("{COUNTS}{query}")).json();
    let summed = |counts: &Value| {
        let stages = counts["stages"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["count"].as_u64().expect("a count"));
        let assignees = counts["assignees"].as_array().expect("a list").iter();
        let assignees = assignees.map(|it| {
            (it["user"]["email"].as_str().map(str::to_owned), it["count"].as_u64().expect("a count"))
        });
        (stages.collect::<Vec<_>>(), assignees.collect::<Vec<_>>())
    };
    let user = || Some("user@example.com".to_owned());
    let all = counts("");
    assert_eq!((&all["total"], &all["active"], &all["matching"]), (&json!(4), &json!(3), &json!(4)));
    let first =
        json!({"id": "not-started", "name": "Not Started", "color": "gray", "end": false, "count": 1});
    assert_eq!(all["stages"][0], first);
    assert_eq!(summed(&all), (vec![1, 2, 1], vec![(None, 3), (user(), 1)]));
    let staged = counts("?Stage=In%20Progress");
    assert_eq!((&staged["total"], &staged["matching"]), (&json!(4), &json!(2)));
    assert_eq!(summed(&staged), (vec![1, 2, 1], vec![(None, 1), (user(), 1)]));
    let assigned = counts(&format!("?_where={}", encoded(r#"[{"field":"Assigned To","is_set":true}]"#)));
    assert_eq!(summed(&assigned), (vec![0, 1, 0], vec![(None, 3), (user(), 1)]));
    let both = counts("?_search=acme&Stage=Not%20Started&Assigned%20To=");
    assert_eq!((&both["matching"], summed(&both)), (&json!(1), (vec![1, 0, 0], vec![(None, 1)])));
}

/// "Task bodies carry `Created On` and `Updated On`", and on input they are ignored.
#[test]
fn a_task_says_when_it_was_made_and_changed() {
    let (_project, server) = with_tasks(&[json!({"Company ID": "1", "Created On": "2000-01-01T00:00:00Z"})]);
    // As texts they are in no order: `12:00:00.38Z` is before `12:00:00.385Z`.
    let instant = |task: &Value, name: &str| -> jiff::Timestamp {
        let text = task[name].as_str().expect("a text");
        assert!(text.ends_with('Z'), "{text}");
        text.parse().expect("an instant")
    };
    let task = server.task("1");
    let made = instant(&task, "Created On");
    assert!(made > "2020-01-01T00:00:00Z".parse().expect("an instant"), "{task}");
    assert_eq!(instant(&task, "Updated On"), made);
    assert_eq!(server.get(TASKS).json()[0], task);
    let mut changed = task.clone();
    changed["Company Name"] = json!("New");
    changed["Updated On"] = json!("2000-01-01T00:00:00Z");
    let changed = server.post(TASKS, &changed);
    assert_eq!(changed.status, 200, "{}", changed.body);
    let changed = changed.json();
    assert_eq!(instant(&changed, "Created On"), made);
    assert!(instant(&changed, "Updated On") > made, "{changed}");
}

/// "The page of 100 out of 10,000 with a sort and with a search" is read on the server in one look at all of them: far
/// from a look for each, also in a build without optimisation beside other tests.
#[test]
fn a_page_that_is_sorted_or_searched_among_ten_thousand_comes_soon() {
    const SOON: Duration = Duration::from_secs(5);
    let (project, key) = Project::new(&api_sample("http://127.0.0.1:9"));
    fill(&project, 10_000);
    let server = project.serve(&key);
    let dear = encoded(
        r#"[{"field":"Contract Value","at_least":"9990"},{"field":"Stage","not_equals":"Completed"}]"#,
    );
    for path in [
        format!("{TASKS}?_limit=100&_sort=-Contract%20Value"),
        format!("{TASKS}?_limit=100&_search=company%2099"),
        format!("{TASKS}?_limit=100&_search=nowhere"),
        format!("{TASKS}?_limit=100&_where={dear}"),
        format!("{TASKS}?_limit=100&_sort=Company%20Name&_search=99&_where={dear}"),
        COUNTS.to_owned(),
        format!("{COUNTS}?_search=company%2099&_where={dear}"),
    ] {
        let began = Instant::now();
        assert_eq!(server.get(&path).status, 200, "{path}");
        let page = began.elapsed();
        println!("{path}: {page:?}");
        assert!(page < SOON, "{path}: {page:?}");
    }
    let found = server.get(&format!("{TASKS}?_search=COMPANY%20999&_sort=-Company%20Name&_limit=3"));
    assert_eq!(values(&found, "Company Name"), ["Company 9999", "Company 9998", "Company 9997"]);
}
