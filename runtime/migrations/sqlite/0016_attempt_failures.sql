-- Why an attempt did not succeed. Of earlier ones only their execution's last failure is known.
ALTER TABLE attempt ADD COLUMN code TEXT;
ALTER TABLE attempt ADD COLUMN message TEXT;
