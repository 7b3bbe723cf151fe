//! Préau: the application.
pub mod ui;
