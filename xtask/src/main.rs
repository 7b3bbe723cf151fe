//! Tasks of the workshop: tidy, bench, screenshots.
fn main() {}
