//! How many tasks of a workflow there are, in each stage and for each assignee.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::{Connection, Row, params_from_iter};

use super::{super::StoreError, asked, list, read};
use crate::model::{StageId, TaskList, UserId, asked::TaskCounts, list::Subject};

/// One reading of the tasks says everything: what is asked of stages and of assignees is asked of groups.
pub(super) fn tasks(connection: &Connection, list: &Arc<TaskList>) -> Result<TaskCounts, StoreError> {
    // One transaction: the counts are of one moment.
    let transaction = connection.unchecked_transaction()?;
    let workflow = list.workflow.as_str();
    let sql =
        "SELECT stage_id, count(*) FROM task INDEXED BY task_stage WHERE workflow_id = ?1 GROUP BY stage_id";
    let all = read::all(&transaction, sql, [workflow], |row| Ok((stage(row, 0)?, row.get(1)?)))?;
    let rest = Arc::new(list.but_facets());
    asked::add(&transaction, &rest)?;
    let (conditions, values) = list::conditions(&rest);
    let sql = format!(
        "SELECT stage_id, assigned_to, count(*) FROM task INDEXED BY task_workflow WHERE {conditions} GROUP BY 1, 2"
    );
    let groups = read::all(&transaction, &sql, params_from_iter(&values), |row| {
        Ok((stage(row, 0)?, assignee(row, 1)?, row.get::<_, u64>(2)?))
    })?;
    let (mut stages, mut assignees) = (BTreeMap::new(), BTreeMap::new());
    let mut counts = TaskCounts { all, ..TaskCounts::default() };
    for (stage, assignee, count) in groups {
        let in_stage = list.passes(&Subject::Stage, Some(stage.as_str()));
        let is_theirs = list.passes(&Subject::AssignedTo, assignee.as_ref().map(UserId::as_str));
        if in_stage && is_theirs {
            counts.matching += count;
        }
        if is_theirs {
            *stages.entry(stage).or_default() += count;
        }
        if in_stage {
            *assignees.entry(assignee).or_default() += count;
        }
    }
    (counts.stages, counts.assignees) = (stages.into_iter().collect(), assignees.into_iter().collect());
    Ok(counts)
}

fn stage(row: &Row<'_>, column: usize) -> Result<StageId, StoreError> {
    Ok(StageId::new(row.get::<_, String>(column)?))
}

fn assignee(row: &Row<'_>, column: usize) -> Result<Option<UserId>, StoreError> {
    Ok(row.get::<_, Option<String>>(column)?.map(UserId::new))
}
