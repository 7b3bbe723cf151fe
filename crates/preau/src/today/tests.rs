//! Today over HTTP.
