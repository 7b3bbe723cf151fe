//! Identity over HTTP, as the people of the test school.
