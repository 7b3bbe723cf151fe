//! Homework over HTTP.
