//! The school: people, classes, import. Here: the views of the import.

pub mod views;
