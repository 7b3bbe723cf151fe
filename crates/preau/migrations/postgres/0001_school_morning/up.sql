-- A school morning: people and classes, accounts, timetable, work, roll call, live lesson, journal.
-- Instants are milliseconds since the Unix epoch (UTC), civil dates are texts YYYY-MM-DD.

-- The record ---------------------------------------------------------------------------------------

CREATE TABLE journal (
  sequence BIGINT PRIMARY KEY NOT NULL,
  at_ms BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object_kind TEXT NOT NULL,
  object_id BIGINT NOT NULL,
  hash BYTEA NOT NULL
);
-- The head is noted apart, so that cutting off the end of the journal shows.
CREATE TABLE journal_head (
  id BIGINT PRIMARY KEY NOT NULL,
  sequence BIGINT NOT NULL,
  hash BYTEA NOT NULL
);
INSERT INTO journal_head (id, sequence, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

-- Secrets and states that outlive a restart and belong to no person (signing keys, gate snapshot).
CREATE TABLE keepsake (
  name TEXT PRIMARY KEY NOT NULL,
  value BYTEA NOT NULL
);

-- Schools and people -------------------------------------------------------------------------------

CREATE TABLE school (
  id BIGINT PRIMARY KEY NOT NULL,
  uai TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  academy TEXT NOT NULL DEFAULT '',
  source_key TEXT NOT NULL DEFAULT ''
);

-- address: a JSON object with lines, postal_code, town and country, so that a file may change one part.
CREATE TABLE person (
  id BIGINT PRIMARY KEY NOT NULL,
  family_name TEXT NOT NULL,
  given_name TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  birth_date TEXT,
  email TEXT,
  mobile TEXT,
  phone TEXT,
  address TEXT,
  removed_at BIGINT
);
CREATE INDEX person_by_name ON person (family_name, given_name);

CREATE TABLE person_identifier (
  system TEXT NOT NULL,
  value TEXT NOT NULL,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  PRIMARY KEY (system, value)
);
CREATE INDEX person_identifier_by_person ON person_identifier (person_id);

-- profile: pupil, guardian, teacher, librarian, head, counsellor, supervisor, staff, local_admin, authority
CREATE TABLE affiliation (
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  profile TEXT NOT NULL,
  function_label TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (person_id, school_id, profile)
);
CREATE INDEX affiliation_by_school ON affiliation (school_id, profile);

-- kind: class (division) or group. source_key: what the school's own files call it, empty when no file did.
-- removed_at: the files no longer name it; what was written for it stays.
CREATE TABLE class_group (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  code TEXT NOT NULL,
  label TEXT NOT NULL,
  grade_level TEXT NOT NULL DEFAULT '',
  source_key TEXT NOT NULL DEFAULT '',
  removed_at BIGINT,
  UNIQUE (school_id, kind, code)
);
CREATE INDEX class_group_by_source ON class_group (source_key);

CREATE TABLE enrolment (
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  group_id BIGINT NOT NULL REFERENCES class_group (id) ON DELETE CASCADE,
  PRIMARY KEY (person_id, group_id)
);
CREATE INDEX enrolment_by_group ON enrolment (group_id);

CREATE TABLE subject (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  code TEXT NOT NULL,
  label TEXT NOT NULL,
  hue INTEGER NOT NULL DEFAULT 0,
  UNIQUE (school_id, code)
);

-- subject_id 0 means: no subject named (the source said only who teaches whom).
CREATE TABLE teaching (
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  group_id BIGINT NOT NULL REFERENCES class_group (id) ON DELETE CASCADE,
  subject_id BIGINT NOT NULL DEFAULT 0,
  form_tutor BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (person_id, group_id, subject_id)
);
CREATE INDEX teaching_by_group ON teaching (group_id);

-- legal: a legal guardian (responsable légal); contact: somebody in charge or to be called, without rights
CREATE TABLE guardianship (
  pupil_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  guardian_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  link TEXT NOT NULL,
  legal BOOLEAN NOT NULL,
  financial BOOLEAN NOT NULL DEFAULT FALSE,
  contact BOOLEAN NOT NULL DEFAULT FALSE,
  payment BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (pupil_id, guardian_id)
);
CREATE INDEX guardianship_by_guardian ON guardianship (guardian_id);

CREATE TABLE import_run (
  id BIGINT PRIMARY KEY NOT NULL,
  started_at BIGINT NOT NULL,
  applied_at BIGINT,
  started_by BIGINT NOT NULL,
  format TEXT NOT NULL,
  complete BOOLEAN NOT NULL,
  file_date TEXT,
  source TEXT NOT NULL DEFAULT '',
  report TEXT NOT NULL
);

-- Accounts -----------------------------------------------------------------------------------------

-- password_hash is empty until the account is activated.
CREATE TABLE account (
  person_id BIGINT PRIMARY KEY NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  login TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  language TEXT NOT NULL DEFAULT 'fr',
  theme TEXT NOT NULL DEFAULT '',
  spacing TEXT NOT NULL DEFAULT '',
  blocked BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE activation_code (
  code_hash BYTEA PRIMARY KEY NOT NULL,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX activation_code_by_person ON activation_code (person_id);

CREATE TABLE session (
  token_hash BYTEA PRIMARY KEY NOT NULL,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  device_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  personal_device BOOLEAN NOT NULL
);
CREATE INDEX session_by_person ON session (person_id);
CREATE INDEX session_by_device ON session (device_id);

-- A device from which this person has signed in before: served first by the password pool.
CREATE TABLE known_device (
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  device_id TEXT NOT NULL,
  last_used_at BIGINT NOT NULL,
  PRIMARY KEY (person_id, device_id)
);
CREATE INDEX known_device_by_device ON known_device (device_id);

-- Timetable ----------------------------------------------------------------------------------------

-- state: normal, cancelled, modified, exceptional; by_hand: changed by the head, imports leave it alone
CREATE TABLE lesson (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  subject_id BIGINT NOT NULL DEFAULT 0,
  label TEXT NOT NULL,
  room TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'normal',
  replaced_by BIGINT NOT NULL DEFAULT 0,
  note TEXT NOT NULL DEFAULT '',
  by_hand BOOLEAN NOT NULL DEFAULT FALSE,
  source TEXT NOT NULL,
  source_key TEXT NOT NULL,
  UNIQUE (school_id, source, source_key)
);
CREATE INDEX lesson_by_start ON lesson (school_id, starts_at);

CREATE TABLE lesson_group (
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  group_id BIGINT NOT NULL REFERENCES class_group (id) ON DELETE CASCADE,
  starts_at BIGINT NOT NULL,
  PRIMARY KEY (lesson_id, group_id)
);
CREATE INDEX lesson_group_by_start ON lesson_group (group_id, starts_at);

-- substitute: named by the head for this one lesson
CREATE TABLE lesson_teacher (
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  starts_at BIGINT NOT NULL,
  substitute BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (lesson_id, person_id)
);
CREATE INDEX lesson_teacher_by_start ON lesson_teacher (person_id, starts_at);

-- A weekly slot entered by hand. weekday: 1 Monday … 7 Sunday; minutes since midnight, local time.
-- rotation_id 0: every week.
CREATE TABLE slot (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  weekday INTEGER NOT NULL,
  starts_minute INTEGER NOT NULL,
  ends_minute INTEGER NOT NULL,
  rotation_id BIGINT NOT NULL DEFAULT 0,
  first_date TEXT NOT NULL,
  last_date TEXT NOT NULL,
  group_id BIGINT NOT NULL REFERENCES class_group (id) ON DELETE CASCADE,
  teacher_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  subject_id BIGINT NOT NULL DEFAULT 0,
  room TEXT NOT NULL DEFAULT ''
);

CREATE TABLE week_rotation (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  label TEXT NOT NULL,
  UNIQUE (school_id, label)
);
CREATE TABLE week_rotation_monday (
  rotation_id BIGINT NOT NULL REFERENCES week_rotation (id) ON DELETE CASCADE,
  monday TEXT NOT NULL,
  PRIMARY KEY (rotation_id, monday)
);
CREATE TABLE holiday (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  label TEXT NOT NULL,
  first_date TEXT NOT NULL,
  last_date TEXT NOT NULL
);

-- Homework -----------------------------------------------------------------------------------------

-- lesson_log: what was done in class; work: what is to be done for due_date. One of them may be empty.
CREATE TABLE homework (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  group_id BIGINT NOT NULL REFERENCES class_group (id) ON DELETE CASCADE,
  author_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  subject_id BIGINT NOT NULL DEFAULT 0,
  lesson_id BIGINT NOT NULL DEFAULT 0,
  given_on TEXT NOT NULL,
  due_date TEXT,
  lesson_log TEXT NOT NULL DEFAULT '',
  work TEXT NOT NULL DEFAULT '',
  hand_in BOOLEAN NOT NULL DEFAULT FALSE,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX homework_by_due ON homework (group_id, due_date);
CREATE INDEX homework_by_given ON homework (group_id, given_on);

CREATE TABLE homework_done (
  homework_id BIGINT NOT NULL REFERENCES homework (id) ON DELETE CASCADE,
  pupil_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  done_at BIGINT NOT NULL,
  PRIMARY KEY (homework_id, pupil_id)
);
CREATE INDEX homework_done_by_pupil ON homework_done (pupil_id, homework_id);

CREATE TABLE submission (
  id BIGINT PRIMARY KEY NOT NULL,
  homework_id BIGINT NOT NULL REFERENCES homework (id) ON DELETE CASCADE,
  pupil_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  body TEXT NOT NULL DEFAULT '',
  handed_in_at BIGINT NOT NULL,
  UNIQUE (homework_id, pupil_id)
);

-- A file that hangs on something (owner_kind: homework, submission). token: 128 random bits, the only
-- way to name it in an address; object_key: where its bytes lie in the object store.
CREATE TABLE stored_file (
  id BIGINT PRIMARY KEY NOT NULL,
  token TEXT NOT NULL UNIQUE,
  owner_kind TEXT NOT NULL,
  owner_id BIGINT NOT NULL,
  file_name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  object_key TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX stored_file_by_owner ON stored_file (owner_kind, owner_id);

-- Roll call and presence ---------------------------------------------------------------------------

-- How somebody was seen at a lesson. kind: live (in the room), waiting (in the gate). stayed_ms leaves
-- out the gaps in between.
CREATE TABLE presence (
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  stayed_ms BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (lesson_id, person_id, kind)
);

-- The register (appel) of a lesson; it exists once the teacher has begun it.
CREATE TABLE register (
  lesson_id BIGINT PRIMARY KEY NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  opened_at BIGINT NOT NULL,
  opened_by BIGINT NOT NULL,
  closed_at BIGINT,
  closed_by BIGINT
);
-- state: present, late, absent. Before closing, only what somebody chose by hand; then every pupil.
-- corrected: chosen after the closing, by noted_by at noted_at.
CREATE TABLE register_entry (
  lesson_id BIGINT NOT NULL REFERENCES register (lesson_id) ON DELETE CASCADE,
  pupil_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  late_minutes INTEGER NOT NULL DEFAULT 0,
  noted_at BIGINT NOT NULL,
  noted_by BIGINT NOT NULL,
  corrected BOOLEAN NOT NULL DEFAULT FALSE,
  PRIMARY KEY (lesson_id, pupil_id)
);
CREATE INDEX register_entry_by_pupil ON register_entry (pupil_id);

-- The live lesson ----------------------------------------------------------------------------------

CREATE TABLE live_room (
  lesson_id BIGINT PRIMARY KEY NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  opened_at BIGINT NOT NULL,
  opened_by BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE TABLE live_message (
  id BIGINT PRIMARY KEY NOT NULL,
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  sent_at BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX live_message_by_lesson ON live_message (lesson_id, sent_at);
-- Somebody removed by the teacher stays out of that lesson.
CREATE TABLE live_removal (
  lesson_id BIGINT NOT NULL REFERENCES lesson (id) ON DELETE CASCADE,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  removed_at BIGINT NOT NULL,
  removed_by BIGINT NOT NULL,
  PRIMARY KEY (lesson_id, person_id)
);

-- Notices ------------------------------------------------------------------------------------------

CREATE TABLE notice (
  id BIGINT PRIMARY KEY NOT NULL,
  school_id BIGINT NOT NULL REFERENCES school (id) ON DELETE CASCADE,
  author_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  withdrawn_at BIGINT
);
CREATE INDEX notice_by_school ON notice (school_id, published_at);
CREATE TABLE notice_read (
  notice_id BIGINT NOT NULL REFERENCES notice (id) ON DELETE CASCADE,
  person_id BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  read_at BIGINT NOT NULL,
  PRIMARY KEY (notice_id, person_id)
);

-- The journal only grows.
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
  FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
