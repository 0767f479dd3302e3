-- Which try of its step an attempt is, from 1; more than 1 goes on with the attempt before it.
ALTER TABLE attempt ADD COLUMN try INTEGER NOT NULL DEFAULT 1;
