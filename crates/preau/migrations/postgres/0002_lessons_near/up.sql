-- The gate asks every minute which lessons of all schools are near.
CREATE INDEX lesson_by_bell ON lesson (starts_at);
