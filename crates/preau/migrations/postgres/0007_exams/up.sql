-- Lessons that the head has declared an exam: the gate lets their pupils in first.
ALTER TABLE lesson ADD COLUMN exam BOOLEAN NOT NULL DEFAULT FALSE;
