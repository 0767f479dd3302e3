-- A stage's tasks in the order of their ids, which each index of this table ends with. Of what actions change,
-- only the stage has an index: it is written when a task moves, and not otherwise.
CREATE INDEX task_stage ON task (workflow_id, stage_id);
