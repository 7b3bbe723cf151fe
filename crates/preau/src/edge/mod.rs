//! The edge: what stands between the network and the slices. Here: the views of its own pages.

pub mod views;
