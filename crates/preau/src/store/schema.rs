//! The tables as Diesel sees them: one description for both engines. Kept in step with `migrations/` by
//! the contract tests, which read and write every table on SQLite and on PostgreSQL.

// The macro writes public items that cannot carry a comment each; the SQL files are the reference.
#![allow(missing_docs)]

diesel::table! {
    journal (sequence) {
        sequence -> BigInt,
        at_ms -> BigInt,
        actor -> Text,
        action -> Text,
        object_kind -> Text,
        object_id -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    journal_head (id) {
        id -> BigInt,
        sequence -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    keepsake (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    school (id) {
        id -> BigInt,
        uai -> Text,
        name -> Text,
        kind -> Text,
        academy -> Text,
        source_key -> Text,
    }
}

diesel::table! {
    person (id) {
        id -> BigInt,
        family_name -> Text,
        given_name -> Text,
        title -> Text,
        birth_date -> Nullable<Text>,
        email -> Nullable<Text>,
        mobile -> Nullable<Text>,
        phone -> Nullable<Text>,
        address -> Nullable<Text>,
        removed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    person_identifier (system, value) {
        system -> Text,
        value -> Text,
        person_id -> BigInt,
    }
}

diesel::table! {
    affiliation (person_id, school_id, profile) {
        person_id -> BigInt,
        school_id -> BigInt,
        profile -> Text,
        function_label -> Text,
    }
}

diesel::table! {
    class_group (id) {
        id -> BigInt,
        school_id -> BigInt,
        kind -> Text,
        code -> Text,
        label -> Text,
        grade_level -> Text,
        source_key -> Text,
        removed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    enrolment (person_id, group_id) {
        person_id -> BigInt,
        group_id -> BigInt,
    }
}

diesel::table! {
    subject (id) {
        id -> BigInt,
        school_id -> BigInt,
        code -> Text,
        label -> Text,
        hue -> Integer,
    }
}

diesel::table! {
    teaching (person_id, group_id, subject_id) {
        person_id -> BigInt,
        group_id -> BigInt,
        subject_id -> BigInt,
        form_tutor -> Bool,
    }
}

diesel::table! {
    guardianship (pupil_id, guardian_id) {
        pupil_id -> BigInt,
        guardian_id -> BigInt,
        link -> Text,
        legal -> Bool,
        financial -> Bool,
        contact -> Bool,
        payment -> Bool,
    }
}

diesel::table! {
    import_run (id) {
        id -> BigInt,
        started_at -> BigInt,
        applied_at -> Nullable<BigInt>,
        started_by -> BigInt,
        format -> Text,
        complete -> Bool,
        file_date -> Nullable<Text>,
        source -> Text,
        report -> Text,
    }
}

diesel::table! {
    account (person_id) {
        person_id -> BigInt,
        login -> Text,
        password_hash -> Text,
        created_at -> BigInt,
        language -> Text,
        theme -> Text,
        spacing -> Text,
        blocked -> Bool,
    }
}

diesel::table! {
    activation_code (code_hash) {
        code_hash -> Binary,
        person_id -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    session (token_hash) {
        token_hash -> Binary,
        person_id -> BigInt,
        device_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        personal_device -> Bool,
    }
}

diesel::table! {
    known_device (person_id, device_id) {
        person_id -> BigInt,
        device_id -> Text,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    lesson (id) {
        id -> BigInt,
        school_id -> BigInt,
        starts_at -> BigInt,
        ends_at -> BigInt,
        subject_id -> BigInt,
        label -> Text,
        room -> Text,
        state -> Text,
        replaced_by -> BigInt,
        note -> Text,
        by_hand -> Bool,
        source -> Text,
        source_key -> Text,
        exam -> Bool,
    }
}

diesel::table! {
    lesson_group (lesson_id, group_id) {
        lesson_id -> BigInt,
        group_id -> BigInt,
        starts_at -> BigInt,
    }
}

diesel::table! {
    lesson_teacher (lesson_id, person_id) {
        lesson_id -> BigInt,
        person_id -> BigInt,
        starts_at -> BigInt,
        substitute -> Bool,
    }
}

diesel::table! {
    slot (id) {
        id -> BigInt,
        school_id -> BigInt,
        weekday -> Integer,
        starts_minute -> Integer,
        ends_minute -> Integer,
        rotation_id -> BigInt,
        first_date -> Text,
        last_date -> Text,
        group_id -> BigInt,
        teacher_id -> BigInt,
        subject_id -> BigInt,
        room -> Text,
    }
}

diesel::table! {
    week_rotation (id) {
        id -> BigInt,
        school_id -> BigInt,
        label -> Text,
    }
}

diesel::table! {
    week_rotation_monday (rotation_id, monday) {
        rotation_id -> BigInt,
        monday -> Text,
    }
}

diesel::table! {
    holiday (id) {
        id -> BigInt,
        school_id -> BigInt,
        label -> Text,
        first_date -> Text,
        last_date -> Text,
    }
}

diesel::table! {
    homework (id) {
        id -> BigInt,
        school_id -> BigInt,
        group_id -> BigInt,
        author_id -> BigInt,
        subject_id -> BigInt,
        lesson_id -> BigInt,
        given_on -> Text,
        due_date -> Nullable<Text>,
        lesson_log -> Text,
        work -> Text,
        hand_in -> Bool,
        created_at -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    homework_done (homework_id, pupil_id) {
        homework_id -> BigInt,
        pupil_id -> BigInt,
        done_at -> BigInt,
    }
}

diesel::table! {
    submission (id) {
        id -> BigInt,
        homework_id -> BigInt,
        pupil_id -> BigInt,
        body -> Text,
        handed_in_at -> BigInt,
    }
}

diesel::table! {
    stored_file (id) {
        id -> BigInt,
        token -> Text,
        owner_kind -> Text,
        owner_id -> BigInt,
        file_name -> Text,
        media_type -> Text,
        size_bytes -> BigInt,
        sha256 -> Binary,
        object_key -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    presence (lesson_id, person_id, kind) {
        lesson_id -> BigInt,
        person_id -> BigInt,
        kind -> Text,
        first_seen_at -> BigInt,
        last_seen_at -> BigInt,
        stayed_ms -> BigInt,
    }
}

diesel::table! {
    register (lesson_id) {
        lesson_id -> BigInt,
        opened_at -> BigInt,
        opened_by -> BigInt,
        closed_at -> Nullable<BigInt>,
        closed_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    register_entry (lesson_id, pupil_id) {
        lesson_id -> BigInt,
        pupil_id -> BigInt,
        state -> Text,
        late_minutes -> Integer,
        noted_at -> BigInt,
        noted_by -> BigInt,
        corrected -> Bool,
    }
}

diesel::table! {
    live_room (lesson_id) {
        lesson_id -> BigInt,
        opened_at -> BigInt,
        opened_by -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    live_message (id) {
        id -> BigInt,
        lesson_id -> BigInt,
        person_id -> BigInt,
        sent_at -> BigInt,
        body -> Text,
        removed_at -> Nullable<BigInt>,
        removed_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    live_removal (lesson_id, person_id) {
        lesson_id -> BigInt,
        person_id -> BigInt,
        removed_at -> BigInt,
        removed_by -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    board_sheet (lesson_id) {
        lesson_id -> BigInt,
        sheet -> BigInt,
        number -> BigInt,
        body -> Binary,
    }
}

diesel::table! {
    board_update (lesson_id, number) {
        lesson_id -> BigInt,
        number -> BigInt,
        at_ms -> BigInt,
        person_id -> BigInt,
        body -> Binary,
    }
}

diesel::table! {
    room_event (lesson_id, number) {
        lesson_id -> BigInt,
        number -> BigInt,
        at_ms -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    recording (id) {
        id -> BigInt,
        lesson_id -> BigInt,
        school_id -> BigInt,
        started_by -> BigInt,
        started_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        state -> Text,
        ending -> Text,
        voices -> Bool,
        size_bytes -> BigInt,
    }
}

diesel::table! {
    recording_track (recording_id, number) {
        recording_id -> BigInt,
        number -> BigInt,
        person_id -> BigInt,
        source -> Text,
        begins_ms -> BigInt,
        length_ms -> BigInt,
        size_bytes -> BigInt,
        lost -> BigInt,
    }
}

diesel::table! {
    recording_hand (recording_id, number) {
        recording_id -> BigInt,
        number -> BigInt,
        at_ms -> BigInt,
        person_id -> BigInt,
        up -> Bool,
    }
}

diesel::table! {
    recording_drawing (recording_id, number) {
        recording_id -> BigInt,
        number -> BigInt,
        since_ms -> BigInt,
        at_ms -> BigInt,
        clean -> Bool,
        before_bytes -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    recording_setting (school_id) {
        school_id -> BigInt,
        what -> Text,
        keep_days -> BigInt,
        changed_at -> BigInt,
        changed_by -> BigInt,
    }
}

diesel::table! {
    notice (id) {
        id -> BigInt,
        school_id -> BigInt,
        author_id -> BigInt,
        title -> Text,
        body -> Text,
        published_at -> BigInt,
        withdrawn_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    notice_read (notice_id, person_id) {
        notice_id -> BigInt,
        person_id -> BigInt,
        read_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    journal,
    journal_head,
    keepsake,
    school,
    person,
    person_identifier,
    affiliation,
    class_group,
    enrolment,
    subject,
    teaching,
    guardianship,
    import_run,
    account,
    activation_code,
    session,
    known_device,
    lesson,
    lesson_group,
    lesson_teacher,
    slot,
    week_rotation,
    week_rotation_monday,
    holiday,
    homework,
    homework_done,
    submission,
    stored_file,
    presence,
    register,
    register_entry,
    live_room,
    live_message,
    live_removal,
    board_sheet,
    board_update,
    room_event,
    recording,
    recording_track,
    recording_hand,
    recording_drawing,
    recording_setting,
    notice,
    notice_read,
);
