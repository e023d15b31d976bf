use super::*;
use crate::diagnostics::Transport;
use crate::mqtt::settings::BrokerAddress;

fn settings() -> LinkSettings {
    let broker = BrokerAddress {
        transport: Transport::Tcp,
        host: "broker.example".to_owned(),
        port: 1883,
        path: String::new(),
    };
    LinkSettings::new(broker, "scope")
}

fn refused(change: impl FnOnce(&mut LinkSettings)) -> String {
    let mut settings = settings();
    change(&mut settings);
    validate(&settings).unwrap_err().to_string()
}

#[test]
fn each_unusable_setting_is_one_sentence() {
    assert_eq!(validate(&settings()), Ok(()));
    let sentences = [
        refused(|s| s.client_id = "a\0b".to_owned()),
        refused(|s| s.client_id = "x".repeat(65_536)),
        refused(|s| (s.client_id, s.clean_session) = (String::new(), false)),
        refused(|s| s.password = Some("secret".into())),
        refused(|s| s.username = Some("\0".to_owned())),
        refused(|s| s.subscriptions = vec![("a/#/b".to_owned(), 0)]),
        refused(|s| s.subscriptions = vec![(String::new(), 0)]),
        refused(|s| s.subscriptions = vec![("a".to_owned(), 2)]),
        refused(|s| s.max_packet = 10),
    ];
    for sentence in sentences {
        assert!(!sentence.contains("secret") && !sentence.contains(char::is_control), "{sentence}");
        assert!(sentence.len() > 20 && sentence.len() < 200, "{sentence}");
    }
}

#[test]
fn a_password_alone_is_fine_in_mqtt_5() {
    let mut settings = settings();
    settings.password = Some("secret".into());
    settings.version = VersionChoice::V5;
    assert_eq!(validate(&settings), Ok(()));
}
