//! What every page shares: base template, styles, texts, French dates.
