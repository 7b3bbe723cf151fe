//! Préau: the application.
pub mod edge;
pub mod identity;
pub mod lesson;
pub mod rollcall;
pub mod school;
pub mod today;
pub mod ui;
