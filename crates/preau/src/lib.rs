//! Préau: the application.
pub mod identity;
pub mod ui;
