-- For those who look at what has failed, and retry it, among very many executions that have not.
CREATE INDEX execution_failed ON execution (id) WHERE state IN ('failed', 'unknown');
