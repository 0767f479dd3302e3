//! Which indexes lists use, and how much they look at.

use std::sync::Arc;

use super::*;
use crate::{
    model::{ActionId, StageId, sample},
    store::{
        Store,
        sqlite::{SqliteSettings, SqliteStore},
    },
};

/// More than one page looks at.
const MANY: usize = LOOKED_AT_MAX + LOOKED_AT_MAX / 2;

/// A store with as many tasks and executions: each hundredth in stage `completed`, the last alone with a value.
fn filled() -> (tempfile::TempDir, SqliteStore, tokio::runtime::Runtime) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = SqliteSettings { queue_max: 16, task_cache_max: 16, file_bytes_max: 1024 };
    let store = SqliteStore::open(folder.path(), &settings).expect("a store");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fill = store.write(|connection| {
        let tasks = format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MANY})
             INSERT INTO task (id, workflow_id, unique_id, stage_id, assigned_to, field_values, created_on, updated_on)
             SELECT unhex(printf('%032x', n)), 'api-sample', 'T' || n,
                    iif(n % 100 = 0, 'completed', 'in-progress'), iif(n % 1000 = 0, 'abc123', NULL),
                    iif(n = {MANY}, '{{\"company-name\":\"Last\"}}', '{{\"company-name\":\"Acme\"}}'), n, n FROM n"
        );
        connection.execute_batch(&tasks)?;
        let executions = r#"
            INSERT INTO execution (id, task_id, workflow_id, version, action_id, performer, state, step, flag, attempts,
                                   created_at, updated_at, place)
            SELECT id, id, 'api-sample', 1, 'finish', '{"id":"x"}', iif(unique_id = 'T1', 'queued', 'succeeded'), 0, 0,
                   0, created_on, created_on, id FROM task"#;
        Ok(connection.execute_batch(executions)?)
    });
    runtime.block_on(fill).expect("filled");
    (folder, store, runtime)
}

fn list(query: &[(&str, &str)], order: &str) -> TaskList {
    let (workflow, directory) = (sample::workflow(), sample::directory());
    let filter = |(name, value): &(&str, &str)| {
        Filter::read(name, &[(*value).to_owned()], &workflow, &directory).expect("a name that is there")
    };
    TaskList {
        filters: query.iter().map(filter).collect(),
        order: Order::read(order, &workflow).expect("an order"),
        ..TaskList::all(workflow.id.clone())
    }
}

/// What SQLite says it does for a list's page.
fn plan(store: &SqliteStore, runtime: &tokio::runtime::Runtime, list: TaskList) -> Vec<String> {
    let explain = store.read(move |connection| {
        let position = Position { key: None, task: TaskId::from_u128(7) };
        let (query, _) = tasks_query(connection, &list, Some(&position), 50)?;
        let sql = format!("EXPLAIN QUERY PLAN {}", query.sql);
        read::all(connection, &sql, params_from_iter(&query.values), |row| Ok(row.get::<_, String>(3)?))
    });
    runtime.block_on(explain).expect("a plan")
}

/// "The common filters use an index", and where the order is that of ids nothing is sorted: what comes after the page
/// is not read.
#[test]
fn common_filters_use_an_index_and_read_no_more_than_the_page() {
    let (_folder, store, runtime) = filled();
    let active = TaskList { not_in: vec![StageId::new("completed")], ..list(&[], "Created On") };
    let both = TaskList {
        not_in: vec![StageId::new("completed")],
        ..list(&[("Assigned To", "user@example.com")], "Created On")
    };
    let unassigned = list(&[("Stage", "Completed"), ("Assigned To", "")], "-Created On");
    for (list, index, columns) in [
        (list(&[], "Created On"), "task_workflow", "workflow_id=? AND id>?"),
        (list(&[], "-Created On"), "task_workflow", "workflow_id=? AND id<?"),
        (
            list(&[("Stage", "Completed")], "Created On"),
            "task_stage",
            "workflow_id=? AND stage_id=? AND id>?",
        ),
        (active, "task_stage", "workflow_id=? AND stage_id=? AND id>?"),
        (unassigned, "task_stage", "workflow_id=? AND stage_id=? AND id<?"),
        (
            list(&[("Assigned To", "user@example.com")], "Created On"),
            "task_assigned",
            "assigned_to=? AND id>?",
        ),
        (both, "task_assigned", "assigned_to=? AND id>?"),
        (
            list(&[("Company ID", "T5")], "Created On"),
            "task_unique_id",
            "workflow_id=? AND unique_id=? AND id>?",
        ),
        // As far as one reading goes.
        (list(&[("Company Name", "Acme")], "Created On"), "task_workflow", "workflow_id=? AND id>? AND id<?"),
        (
            list(&[("Stage", "Completed"), ("Company Name", "Acme")], "Created On"),
            "task_stage",
            "workflow_id=? AND stage_id=? AND id>?",
        ),
    ] {
        let plan = plan(&store, &runtime, list.clone());
        let expected = format!("SEARCH task USING INDEX {index} ({columns})");
        assert!(plan.contains(&expected), "{list:?}: {plan:#?}");
        assert!(plan.iter().all(|line| !line.contains("TEMP B-TREE")), "{list:?}: {plan:#?}");
        assert!(plan.iter().all(|line| !line.starts_with("SCAN task")), "{list:?}: {plan:#?}");
    }
    let sorted = plan(&store, &runtime, list(&[("Stage", "Completed")], "Company Name"));
    assert!(sorted.contains(&"SEARCH task USING INDEX task_stage (workflow_id=? AND stage_id=?)".to_owned()));
}

/// However many values are asked for, whether an index is asked for each or not.
#[test]
fn many_values_are_asked_for_at_once() {
    let (_folder, store, runtime) = filled();
    let (workflow, directory) = (sample::workflow(), sample::directory());
    for (name, value, values, found) in [
        ("Stage", "Completed", ARMS_MAX, MANY / 100),
        ("Stage", "Completed", ARMS_MAX + 1, MANY / 100),
        ("Company ID", "T7", ARMS_MAX, 1),
        ("Company ID", "T7", 1_000, 1),
        ("Company Name", "Last", 1_000, 1),
    ] {
        let others = (1..values).map(|number| format!("none {number}"));
        let values: Vec<_> = others.chain([value.to_owned()]).collect();
        let filter = Filter::read(name, &values, &workflow, &directory).expect("a name that is there");
        for order in ["Created On", "Updated On"] {
            let list = Arc::new(TaskList { filters: vec![filter.clone()], ..list(&[], order) });
            let (mut count, mut after, mut ended) = (0, None, false);
            while !ended {
                let page = runtime.block_on(store.tasks(Arc::clone(&list), after, 1_000)).expect("a page");
                count += page.tasks.len();
                ended = page.next.is_none();
                after = page.next;
            }
            assert_eq!(count, found, "{name} of {} values by {order}", values.len());
        }
    }
}

/// "A bound on rows looked at": a reading that finds nothing ends, and says where it goes on.
#[test]
fn a_reading_of_tasks_ends_and_goes_on() {
    let (_folder, store, runtime) = filled();
    // The one that is asked for is the newest.
    for (order, first_found, bound, second_found) in
        [("Created On", 0, LOOKED_AT_MAX, 1), ("-Created On", 1, MANY - LOOKED_AT_MAX + 1, 0)]
    {
        let list = Arc::new(list(&[("Company Name", "Last")], order));
        let read = |after| runtime.block_on(store.tasks(Arc::clone(&list), after, 10)).expect("a page");
        let first = read(None);
        let bound = Position { key: None, task: TaskId::from_u128(bound as u128) };
        assert_eq!((first.tasks.len(), first.next.clone()), (first_found, Some(bound)), "{order}");
        let second = read(first.next);
        assert_eq!((second.tasks.len(), second.next), (second_found, None), "{order}");
    }
}

#[test]
fn a_reading_of_executions_ends_and_goes_on() {
    let (_folder, store, runtime) = filled();
    let of_task = ExecutionList {
        workflow: sample::workflow().id,
        after: ExecutionId::from_u128(0),
        before: ExecutionId::from_u128(u128::MAX),
        task: Some(TaskId::from_u128(1)),
        action: Some(ActionId::new("finish")),
        states: None,
        since: None,
        until: None,
        is_oldest_first: false,
    };
    let read = |list: ExecutionList| runtime.block_on(store.executions(list, 10)).expect("a page");
    let first = read(of_task.clone());
    let bound = ExecutionId::from_u128((MANY - LOOKED_AT_MAX + 1) as u128);
    assert_eq!((first.executions.len(), first.next), (0, Some(bound)));
    let second = read(ExecutionList { before: bound, ..of_task.clone() });
    assert_eq!((second.executions.len(), second.next), (1, None));
    // Those that are open are found however many others there are.
    let open = read(ExecutionList { states: Some(vec!["queued", "running"]), ..of_task.clone() });
    assert_eq!((open.executions.len(), open.next), (1, None));
    for (states, index) in [(vec!["running"], "execution_open"), (vec!["failed"], "execution_failed")] {
        let (sql, _) = executions_query(&ExecutionList { states: Some(states), ..of_task.clone() });
        let plan = store.read(move |connection| {
            let sql = format!("EXPLAIN QUERY PLAN {sql}");
            read::all(connection, &sql, [[0_u8; 16], [255; 16]], |row| Ok(row.get::<_, String>(3)?))
        });
        let plan = runtime.block_on(plan).expect("a plan");
        assert!(plan.iter().any(|line| line.contains(&format!("USING INDEX {index}"))), "{plan:#?}");
    }
}
