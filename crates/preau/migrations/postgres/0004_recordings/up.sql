-- Recordings of live lessons: what was recorded, where each file of it lies, and what a school allows.
-- state: running, ready. ending: why it ended, as recording::model::Ending has it; empty while it runs.
CREATE TABLE recording (
  id BIGINT PRIMARY KEY NOT NULL,
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  started_by BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  state TEXT NOT NULL,
  ending TEXT NOT NULL DEFAULT '',
  voices BOOLEAN NOT NULL,
  size_bytes BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX recording_by_lesson ON recording (lesson_id);
CREATE INDEX recording_by_school ON recording (school_id, started_at);
-- One file: what one person sent from one source without a pause. Times in milliseconds since the recording began.
CREATE TABLE recording_track (
  recording_id BIGINT NOT NULL REFERENCES recording (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  person_id BIGINT NOT NULL,
  source TEXT NOT NULL,
  begins_ms BIGINT NOT NULL,
  length_ms BIGINT NOT NULL,
  size_bytes BIGINT NOT NULL,
  lost BIGINT NOT NULL,
  PRIMARY KEY (recording_id, number)
);
-- what: off, teacher, voices. A school without a row records nothing.
CREATE TABLE recording_setting (
  school_id BIGINT PRIMARY KEY NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  what TEXT NOT NULL,
  keep_days BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  changed_by BIGINT NOT NULL
);
