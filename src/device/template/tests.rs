//! Templates are parsed and rendered; JSON stays valid with any value.

use proptest::prelude::*;

use super::*;

fn parameter(name: &str, kind: ParameterType) -> Parameter {
    Parameter { name: name.into(), kind, unit: None, default: None }
}

fn parameters() -> Vec<Parameter> {
    vec![
        parameter("n", ParameterType::Number { min: -1e9, max: 1e9, step: None }),
        parameter("t", ParameterType::Text { max_chars: 200, description: None }),
        parameter("f", ParameterType::Flag),
    ]
}

fn render(text: &str, values: &[Value]) -> Result<String, TemplateError> {
    let parameters = parameters();
    let now = "2026-11-20T12:00:00.5Z".parse().expect("a time");
    let context =
        TemplateContext { correlation_id: "c-1", client_id: "me", now, parameters: &parameters, values };
    Template::parse(text, &parameters).map(|template| template.render(&context))
}

fn values(text: &str) -> Vec<Value> {
    vec![Value::Number(48.5), Value::Text(text.to_owned()), Value::Flag(true)]
}

#[test]
fn placeholders_are_rendered_and_other_braces_stay() {
    let cases = [
        (r#"{"id":"{correlation_id}","v":{n}}"#, r#"{"id":"c-1","v":48.5}"#),
        (
            r#"{"a":{"t":{t},"on":{f}},"s":"{n} of {client_id}"}"#,
            r#"{"a":{"t":"a\"b","on":true},"s":"48.5 of me"}"#,
        ),
        (r#"[{now_ms}, "{now}"]"#, r#"[1795176000500, "2026-11-20T12:00:00.500Z"]"#),
        ("set {n} {t}", "set 48.5 a\"b"),
        ("{{n}} {x y} {", "{n} {x y} {"),
        ("", ""),
    ];
    for (template, expected) in cases {
        let plain = Template::parse_plain(template, &parameters()).is_ok();
        let rendered = render(template, &values("a\"b"));
        if template.starts_with("{{") {
            assert!(matches!(rendered, Err(TemplateError::NotJson(_))) && plain, "{template}: {rendered:?}");
        } else {
            assert_eq!(rendered.as_deref(), Ok(expected), "{template}");
        }
    }
}

#[test]
fn invalid_templates_are_refused() {
    let misplaced = |name: &str| Err(TemplateError::Misplaced(name.to_owned()));
    for (template, expected) in [
        (r#"{"v":1{n}}"#, misplaced("n")),
        (r#"{"v":{n}{n}}"#, misplaced("n")),
        ("{{t}:1}", misplaced("t")),
        (r#"{"v":"\{t}"}"#, misplaced("t")),
        (r#"{"v":"\u00{n}"}"#, misplaced("n")),
    ] {
        assert_eq!(render(template, &values("x")), expected, "{template}");
    }
    let error = render(r#"{"v":"{temp}"}"#, &[]).expect_err("unknown").to_string();
    assert_eq!(error, "unknown placeholder `{temp}`; valid: correlation_id, client_id, now, now_ms, n, t, f");
    for template in [r#"{"v":1"#, "[1,]", r#"{"a":1,{t}}"#] {
        assert!(matches!(render(template, &[]), Err(TemplateError::NotJson(_))), "{template}");
    }
}

proptest! {
    /// Any text, number and flag at any accepted position: the document stays valid JSON and contains the values
    /// unchanged.
    #[test]
    fn no_value_breaks_json(text in any::<String>(), number in -1e9..1e9_f64, flag in any::<bool>()) {
        let given = [Value::Number(number), Value::Text(text.clone()), Value::Flag(flag)];
        let json = render(r#"{"q":"<{t}>","t":{t},"n":{n},"f":[{f}]}"#, &given).expect("a template");
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let quoted = format!("<{text}>");
        prop_assert_eq!(read["q"].as_str(), Some(quoted.as_str()));
        prop_assert_eq!(read["t"].as_str(), Some(text.as_str()));
        prop_assert_eq!(read["n"].as_f64(), Some(number));
        prop_assert_eq!(read["f"][0].as_bool(), Some(flag));
    }

    /// Templates of random fragments: every accepted JSON template renders valid JSON with any values.
    #[test]
    fn an_accepted_template_gives_json(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "\"", "\\", ":", ",", "{t}", "{n}", "{f}", "{now}", "u00", "1", "a", " ", "{{t}}",
        ]), 0..14),
        text in any::<String>(),
        number in -1e9..1e9_f64,
    ) {
        let inner: String = pieces.concat();
        for template in [format!("[{inner}]"), format!("{{\"a\":{inner}}}"), format!("[\"{inner}\"]"), inner.clone()] {
            let is_json = template.trim_start().starts_with(['{', '[']);
            let given = [Value::Number(number), Value::Text(text.clone()), Value::Flag(false)];
            if let (true, Ok(json)) = (is_json, render(&template, &given)) {
                let read = serde_json::from_str::<serde_json::Value>(&json);
                prop_assert!(read.is_ok(), "{} gave {}", template, json);
            }
        }
    }
}
