//! What is drawn as plain JSON: for whoever keeps how a board came about, and shows it without merging anything.

use serde_json::{Number, Value};
use yrs::Any;

/// Things by their ids; null where one was rubbed out.
pub type Things = serde_json::Map<String, Value>;

/// Numbers are kept to a thousandth: of what a page draws, nobody sees less, and a line is half as long so.
const FINE: f64 = 1_000.0;

/// A value as JSON. What JSON has no word for is left out, or null.
pub(super) fn plain(value: &Any) -> Value {
    match value {
        Any::Null | Any::Undefined | Any::Buffer(_) => Value::Null,
        Any::Bool(flag) => Value::Bool(*flag),
        Any::Number(yrs::any::Number::Int(whole)) => Value::from(*whole),
        Any::Number(yrs::any::Number::Float(number)) => float(*number),
        Any::String(text) => Value::from(&**text),
        Any::Array(values) => values.iter().map(plain).collect(),
        Any::Map(fields) => fields
            .iter()
            .filter(|(_, value)| !matches!(value, Any::Undefined))
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a whole number that a float holds exactly")]
fn float(number: f64) -> Value {
    let rounded = (number * FINE).round() / FINE;
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        return Value::from(rounded as i64);
    }
    Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::HashMap;

    #[test]
    fn values_keep_what_is_seen_of_them() {
        let object = Any::from(HashMap::from([
            ("text".to_owned(), Any::from("7 × 8")),
            ("index".to_owned(), Any::Null),
            ("nothing".to_owned(), Any::Undefined),
            ("locked".to_owned(), Any::from(false)),
            ("updated".to_owned(), Any::from(1_763_000_000_123.0)),
            ("x".to_owned(), Any::from(12.345_678)),
            ("points".to_owned(), Any::from(vec![Any::from(-0.000_1), Any::from(f64::NAN), Any::from(3.0)])),
        ]));
        let expected = json!({
            "text": "7 × 8", "index": null, "locked": false, "updated": 1_763_000_000_123_i64, "x": 12.346,
            "points": [0, null, 3],
        });
        assert_eq!(plain(&object), expected);
    }
}
