//! Today: the first page after sign-in, one for each role. Here: its views.

pub mod views;

pub use views::SubjectLabel;
