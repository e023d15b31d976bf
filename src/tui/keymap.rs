//! Which key does what? One table feeds the handler, the footer, the help screen and the README.

use std::collections::BTreeMap;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::model::{Model, Popup, Screen};

mod key;
mod table;

pub use key::Key;
pub use table::Action;

/// Where a binding works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// On every screen, when no text is being typed.
    Everywhere,
    /// On the Overview only.
    Overview,
    /// On the Drops screen only.
    Drops,
}

impl Scope {
    fn holds(self, screen: Screen) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Overview => screen == Screen::Overview,
            Self::Drops => screen == Screen::Drops,
        }
    }

    fn overlaps(self, other: Self) -> bool {
        self == other || self == Self::Everywhere || other == Self::Everywhere
    }

    /// Heading in help and README.
    pub fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Overview => "Overview",
            Self::Drops => "Drops",
        }
    }
}

/// One action and the keys that trigger it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// The keys; the first is the one shown in the footer.
    pub keys: Vec<Key>,
    /// Where it works.
    pub scope: Scope,
    /// One line for help and README.
    pub help: &'static str,
    /// Word in the footer; `None` = not in the footer. Neighbours with the same word share one entry.
    pub label: Option<&'static str>,
}

/// An entry of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FooterEntry {
    /// `e`, or `- +` for a pair.
    pub keys: String,
    /// What it does, in a word or two.
    pub label: &'static str,
}

/// A part of the help text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpSection {
    /// Where the keys work.
    pub title: &'static str,
    /// All keys of an action, and what it does.
    pub rows: Vec<(String, &'static str)>,
}

/// All bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { bindings: table::defaults() }
    }
}

impl Keymap {
    /// The default table with other keys for some actions: action name → keys, separated by blanks
    /// (`"export" = "x ctrl-e"`); an empty text takes the action's keys away.
    ///
    /// # Errors
    /// One sentence for an unknown action, an unknown key, a key bound twice, or no key left to quit.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut keymap = Self::default();
        for (name, keys) in overrides {
            let keys = keys.split_whitespace().map(str::parse).collect::<Result<Vec<Key>, String>>();
            let keys = keys.map_err(|error| format!("keys.{name}: {error}"))?;
            let binding = keymap.bindings.iter_mut().find(|binding| binding.action.name() == name);
            let binding = binding.ok_or_else(|| {
                let known: Vec<_> = table::defaults().iter().map(|binding| binding.action.name()).collect();
                format!("keys.{name}: there is no such action; the actions are {}", known.join(", "))
            })?;
            binding.keys = keys;
        }
        keymap.check().map(|()| keymap)
    }

    fn check(&self) -> Result<(), String> {
        for (index, one) in self.bindings.iter().enumerate() {
            for other in &self.bindings[index + 1..] {
                let shared = one.keys.iter().find(|key| other.keys.contains(key));
                if let Some(key) = shared.filter(|_| one.scope.overlaps(other.scope)) {
                    let (one, other) = (one.action.name(), other.action.name());
                    return Err(format!(
                        "the key {key} is bound to both {one} and {other}; keep one of them"
                    ));
                }
            }
        }
        if self.keys_of(Action::Quit).is_empty() {
            return Err("keys.quit: quitting needs a key".to_owned());
        }
        Ok(())
    }

    /// The bindings, in table order.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The keys of an action.
    pub fn keys_of(&self, action: Action) -> &[Key] {
        self.bindings.iter().find(|binding| binding.action == action).map_or(&[], |binding| &binding.keys)
    }

    /// The first key of an action as text, for sentences like "press - to try 60 s"; empty if it has none.
    pub fn key_text(&self, action: Action) -> String {
        self.keys_of(action).first().map(Key::to_string).unwrap_or_default()
    }

    /// What a key does on a screen. Only presses and repeats count, releases do not.
    pub fn action(&self, event: &KeyEvent, screen: Screen) -> Option<Action> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let key = Key::from(*event);
        let works = |binding: &&Binding| binding.scope.holds(screen) && binding.keys.contains(&key);
        self.bindings.iter().find(works).map(|binding| binding.action)
    }

    /// The keys that work now, most important first; the view shows as many as fit.
    pub fn footer(&self, model: &Model) -> Vec<FooterEntry> {
        let fixed = |keys: &str, label| FooterEntry { keys: keys.to_owned(), label };
        match &model.popup {
            Some(Popup::Input(_)) => vec![fixed("Enter", "accept"), fixed("Esc", "cancel")],
            Some(Popup::Help { .. }) => {
                self.merged(&[Action::Close, Action::Up, Action::Down, Action::Quit], "scroll")
            }
            None if model.screen == Screen::Drops && model.detail.is_some() => {
                use Action::{Close, Down, Help, Left, Quit, Right, Up};
                let mut entries = self.merged(&[Close, Left, Right], "other drop");
                entries.extend(self.merged(&[Up, Down], "scroll"));
                entries.extend(self.merged(&[Help, Quit], ""));
                entries
            }
            None => self.screen_footer(model.screen),
        }
    }

    fn screen_footer(&self, screen: Screen) -> Vec<FooterEntry> {
        let shown = self.bindings.iter().filter(|binding| binding.scope.holds(screen));
        let mut entries: Vec<FooterEntry> = Vec::new();
        for binding in shown {
            let (Some(label), Some(key)) = (binding.label, binding.keys.first()) else { continue };
            push_merged(&mut entries, key, label);
        }
        entries
    }

    /// Entries of the named actions; those without a label of their own get `label`.
    fn merged(&self, actions: &[Action], label: &'static str) -> Vec<FooterEntry> {
        let mut entries = Vec::new();
        for action in actions {
            let binding = self.bindings.iter().find(|binding| binding.action == *action);
            let Some((binding, key)) = binding.and_then(|b| Some((b, b.keys.first()?))) else { continue };
            let own = matches!(action, Action::Close | Action::Quit | Action::Help);
            push_merged(&mut entries, key, binding.label.filter(|_| own).unwrap_or(label));
        }
        entries
    }

    /// The whole table in sections, for the help popup.
    pub fn help(&self) -> Vec<HelpSection> {
        let section = |scope: Scope| {
            let in_scope = self.bindings.iter().filter(|b| b.scope == scope && !b.keys.is_empty());
            let keys = |binding: &Binding| {
                let keys: Vec<_> = binding.keys.iter().map(Key::to_string).collect();
                keys.join(" ")
            };
            HelpSection { title: scope.title(), rows: in_scope.map(|b| (keys(b), b.help)).collect() }
        };
        [Scope::Everywhere, Scope::Overview, Scope::Drops].map(section).into()
    }

    /// The table of the README.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| key | where | what it does | name |\n|---|---|---|---|\n");
        for binding in self.bindings.iter().filter(|binding| !binding.keys.is_empty()) {
            let keys: Vec<_> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
            let (scope, help, name) = (binding.scope.title(), binding.help, binding.action.name());
            text.push_str(
                &[&keys.join(" "), scope, help, &format!("`{name}`")].join(" | ").replacen("", "| ", 1),
            );
            text.push_str(" |\n");
        }
        text
    }
}

fn push_merged(entries: &mut Vec<FooterEntry>, key: &Key, label: &'static str) {
    match entries.last_mut() {
        Some(last) if last.label == label => {
            last.keys.push(' ');
            last.keys.push_str(&key.to_string());
        }
        _ => entries.push(FooterEntry { keys: key.to_string(), label }),
    }
}

#[cfg(test)]
mod tests;
