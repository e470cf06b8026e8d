//! What errors print of a hostile file.

use super::hostile::{file, forged, read_all};

#[test]
fn what_a_hostile_file_says_is_short_and_safe_to_print() {
    let (evil, long) = ("a\u{1b}[2J\n\u{9b}1m", "x".repeat(3_000_000));
    let tensor = |name: &str, dtype: &str| serde_json::json!({name: {"dtype": dtype, "shape": [1], "data_offsets": [0, 4]}});
    for text in [evil, &long] {
        let mut files = vec![
            file(&tensor(text, "F32").to_string(), 4),
            file(&tensor(text, text).to_string(), 4),
            file(&serde_json::json!({"a": {text: 1}}).to_string(), 0),
        ];
        for key in
            ["format", "version", "network", "input_shape", "layout", "scaling", "class_names", "outputs"]
        {
            files.push(forged(|header| header["__metadata__"][key] = text.into()));
        }
        let quoted = serde_json::json!(text).to_string();
        for (key, value) in [
            ("network", format!(r#"{{"layer":{quoted}}}"#)),
            ("network", format!(r#"{{"layer":"sequential",{quoted}:1}}"#)),
            ("input_shape", format!("[{quoted}]")),
            ("scaling", format!(r#"{{{quoted}:1}}"#)),
            ("class_names", format!("[{quoted},{quoted}]")),
            ("outputs", quoted.clone()),
        ] {
            files.push(forged(|header| header["__metadata__"][key] = value.into()));
        }
        for bytes in files {
            let said = read_all(&bytes);
            assert!(!said.is_empty());
            for said in said {
                assert!(
                    said.len() < 1000 && !said.contains(char::is_control),
                    "{} bytes: {said:.300}",
                    said.len()
                );
            }
        }
    }
}
