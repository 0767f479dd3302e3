//! The step types that change the task, and reach nothing outside.

#![forbid(unsafe_code)]

mod assign_to;
mod delete_task;
mod move_to_stage;
mod schedule_stage_change;
mod update_data;

use onward_sdk::export_steps;

export_steps!(
    move_to_stage::MoveToStage,
    assign_to::AssignTo,
    update_data::UpdateData,
    delete_task::DeleteTask,
    schedule_stage_change::ScheduleStageChange,
);

#[cfg(test)]
mod tests;
