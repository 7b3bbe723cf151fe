-- The board of a live lesson: a Yjs document, kept as it was once (board_sheet) and every update after that (board_update).
-- They hold what people drew and wrote, and go with the lesson.
-- sheet: how often the board was wiped. number: of the last update that body holds.
CREATE TABLE board_sheet (
  lesson_id BIGINT PRIMARY KEY NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  sheet BIGINT NOT NULL,
  number BIGINT NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE board_update (
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  person_id BIGINT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (lesson_id, number)
);
