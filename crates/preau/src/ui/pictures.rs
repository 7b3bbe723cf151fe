//! Own drawings and icons, inlined where they are used: no request, no script, the page's colours.
//!
//! Icons are 24 units square, one stroke, and always stand beside words. Drawings belong to empty
//! states and to the sign-in page. All of them are hidden from screen readers.

macro_rules! pictures {
    ($(#[$doc:meta])* $function:ident, $folder:literal: $($name:literal),* $(,)?) => {
        $(#[$doc])*
        pub fn $function(name: impl AsRef<str>) -> &'static str {
            match name.as_ref() {
                $($name => include_str!(concat!($folder, "/", $name, ".svg")),)*
                _ => "",
            }
        }

        #[cfg(test)]
        pub(crate) mod $function {
            pub(crate) const NAMES: &[&str] = &[$($name),*];
        }
    };
}

pictures! {
    /// The SVG of an icon; empty for a name that does not exist (a test looks through all templates).
    icon, "icons":
    "absent", "bell", "book", "box", "calendar", "camera", "changes", "chat", "check", "clock", "cross", "door",
    "file", "hand", "info", "list", "mic", "next", "pen", "people", "plus", "screen", "upload", "warning",
}

pictures! {
    /// The SVG of a drawing: `mark` (the sign of the platform), `yard`, `bell`, `tree`, `satchel`.
    drawing, "drawings":
    "bell", "mark", "satchel", "tree", "yard",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_is_hidden_from_screen_readers_and_small() {
        for name in icon::NAMES.iter() {
            let svg = super::icon(name);
            assert!(svg.contains("aria-hidden=\"true\"") && svg.len() < 400, "{name}");
        }
        for name in drawing::NAMES.iter() {
            let svg = super::drawing(name);
            assert!(svg.contains("aria-hidden=\"true\"") && svg.len() < 3_000, "{name}: {}", svg.len());
            assert!(!svg.contains("style="), "{name}: the security policy forbids inline styles");
        }
        assert_eq!(super::icon("nothing"), "");
    }

    #[test]
    fn templates_name_only_icons_that_exist() {
        fn walk(folder: &std::path::Path, faults: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, faults);
                } else if path.extension().is_some_and(|e| e == "html") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    for (call, known) in [("ui::icon(\"", icon::NAMES), ("ui::drawing(\"", drawing::NAMES)] {
                        for part in text.split(call).skip(1) {
                            let name = part.split('"').next().unwrap_or_default();
                            if !known.contains(&name) {
                                faults.push(format!("{}: {name}", path.display()));
                            }
                        }
                    }
                }
            }
        }
        let mut faults = Vec::new();
        walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
    }
}
