-- Hands that went up and down while a lesson was recorded, for whoever watches it: they go with the recording.
CREATE TABLE recording_hand (
  recording_id BIGINT NOT NULL REFERENCES recording (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  person_id BIGINT NOT NULL,
  up BOOLEAN NOT NULL,
  PRIMARY KEY (recording_id, number)
);
