//! Timetable over HTTP.
