-- How the board of a lesson came about while it was recorded, for whoever watches the recording: rows go with it.
-- clean: the board is empty before this. body: the things that changed as JSON, by their ids, null where one was rubbed
-- out; empty where nothing more is kept. since_ms: of the first change that it holds, at_ms: of the last.
-- before_bytes: how long the bodies before it are together.
CREATE TABLE recording_drawing (
  recording_id BIGINT NOT NULL REFERENCES recording (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  since_ms BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  clean BOOLEAN NOT NULL,
  before_bytes BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (recording_id, number)
);
