-- What a class does together in a live lesson, besides media: numbered events, folded into the room's state.
-- body: JSON, `classroom::What`. It holds what people wrote and answered, and goes with the lesson.
CREATE TABLE room_event (
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (lesson_id, number)
);

-- A message taken out of the chat is shown to nobody; that it was written stays provable.
ALTER TABLE live_message ADD COLUMN removed_at BIGINT;
ALTER TABLE live_message ADD COLUMN removed_by BIGINT;
-- Why somebody was sent out, in the teacher's words; may be empty.
ALTER TABLE live_removal ADD COLUMN reason TEXT NOT NULL DEFAULT '';
