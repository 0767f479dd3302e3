-- Whose tasks become nobody's when they leave.
CREATE INDEX task_assigned ON task (assigned_to) WHERE assigned_to IS NOT NULL;
