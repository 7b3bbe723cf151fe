//! The roll call over HTTP, as the people of the test school.
