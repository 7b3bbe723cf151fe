//! Who people are: sign-in, sessions, activation. Here: its pages' views.

pub mod views;
