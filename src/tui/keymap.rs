//! Key bindings: one table for the key handler, the footer, the help popup and the README.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::model::{Model, Popup, Screen};
use crate::device::CommandSpec;
use crate::state::LiveState;

mod key;
mod table;

pub use key::Key;
pub use table::Action;

/// Where a binding works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// On every screen, except while text is typed.
    Everywhere,
    /// On the Overview only.
    Overview,
    /// On the Drops screen only.
    Drops,
    /// On the Device screen only.
    Device,
    /// On every screen of a replay; takes precedence over other bindings of the key.
    Replay,
}

/// Which bindings are active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeymapMode {
    /// A replay of a recording instead of a connection.
    pub replay: bool,
    /// A device exists, or commands were sent.
    pub device: bool,
}

impl KeymapMode {
    /// A connection without a device.
    pub const LIVE: Self = Self { replay: false, device: false };
    /// A recording without commands.
    pub const REPLAY: Self = Self { replay: true, device: false };

    /// The mode of a live state.
    pub fn from_state(published: &LiveState) -> Self {
        let has_sent = published.snapshot.command_history.records().len() > 0;
        let runtime = &published.runtime;
        Self { replay: runtime.replay.is_some(), device: runtime.device.is_some() || has_sent }
    }
}

impl Scope {
    fn includes(self, screen: Screen) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Overview => screen == Screen::Overview,
            Self::Drops => screen == Screen::Drops,
            Self::Device => screen == Screen::Device,
            Self::Replay => false,
        }
    }

    fn overlaps(self, other: Self) -> bool {
        // A replay overrides some keys on purpose.
        let shadows = (self == Self::Replay) != (other == Self::Replay);
        !shadows && (self == other || self == Self::Everywhere || other == Self::Everywhere)
    }

    /// Heading in help and README.
    pub fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Overview => "Overview",
            Self::Drops => "Drops",
            Self::Device => "Device",
            Self::Replay => "Replay",
        }
    }
}

/// One action and the keys that trigger it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The action.
    pub action: Action,
    /// The keys; the first is the one shown in the footer.
    pub keys: Vec<Key>,
    /// The screens on which it works.
    pub scope: Scope,
    /// One line for help and README.
    pub help: &'static str,
    /// Label in the footer; `None` = not in the footer. Adjacent actions with the same label share one entry.
    pub label: Option<&'static str>,
}

/// An entry of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FooterEntry {
    /// The action; of a pair the first one. `None` for keys of a typed line.
    pub action: Option<Action>,
    /// `e`, or `- +` for a pair.
    pub keys: String,
    /// The label, one or two words.
    pub label: &'static str,
}

/// A part of the help text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpSection {
    /// The scope of the keys.
    pub title: &'static str,
    /// All keys of an action, and its help text.
    pub rows: Vec<(String, &'static str)>,
}

/// All bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
    /// Keys of the device's commands, on the Device screen.
    commands: Vec<(Key, Arc<str>)>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { bindings: table::defaults(), commands: Vec::new() }
    }
}

impl Keymap {
    /// The default table with other keys for some actions: action name → keys, separated by blanks
    /// (`"export" = "x ctrl-e"`); an empty text removes the keys of the action.
    ///
    /// # Errors
    /// One sentence for an unknown action, an unknown key, or a key bound twice. `Ctrl-c` always quits.
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
        keymap.ensure_interrupt_key();
        keymap.check_conflicts().map(|()| keymap)
    }

    /// The table with the keys that the user configured for device commands; they work on the Device screen.
    ///
    /// # Errors
    /// One sentence for an unknown key, or one that is already bound.
    pub fn with_commands(mut self, commands: &[CommandSpec]) -> Result<Self, String> {
        self.commands.clear();
        for spec in commands.iter().filter(|spec| spec.key.is_some()) {
            let key = self.parse_free_key(spec)?;
            self.commands.extend(key.map(|key| (key, Arc::clone(&spec.name))));
        }
        Ok(self)
    }

    /// The table with the default keys of a device's commands. A key that is already bound keeps its binding; the
    /// command has no key then and is sent from the list.
    #[must_use]
    pub fn with_commands_where_free(mut self, commands: &[CommandSpec]) -> Self {
        self.commands.clear();
        for spec in commands {
            let key = self.parse_free_key(spec).ok().flatten();
            self.commands.extend(key.map(|key| (key, Arc::clone(&spec.name))));
        }
        self
    }

    fn parse_free_key(&self, spec: &CommandSpec) -> Result<Option<Key>, String> {
        let Some(text) = &spec.key else { return Ok(None) };
        let key: Key = text.parse().map_err(|error| format!("the command {}: {error}", spec.name))?;
        let taken = self.bindings.iter().find(|binding| {
            matches!(binding.scope, Scope::Everywhere | Scope::Device) && binding.keys.contains(&key)
        });
        let other = self.commands.iter().find(|(other, _)| *other == key).map(|(_, name)| name.as_ref());
        if let Some(other) = taken.map(|binding| binding.action.name()).or(other) {
            let name = &spec.name;
            return Err(format!("the key {key} of the command {name} is already bound to {other}"));
        }
        Ok(Some(key))
    }

    /// The key of a command, for a list; empty without one.
    pub fn command_key(&self, name: &str) -> String {
        let found = self.commands.iter().find(|(_, known)| **known == *name);
        found.map(|(key, _)| key.to_string()).unwrap_or_default()
    }

    /// The command a key starts on a screen.
    pub fn command(&self, event: &KeyEvent, screen: Screen) -> Option<Arc<str>> {
        let is_pressed = event.kind == KeyEventKind::Press && screen == Screen::Device;
        let key = Key::from(*event);
        let found = self.commands.iter().find(|(known, _)| is_pressed && *known == key);
        found.map(|(_, name)| Arc::clone(name))
    }

    fn check_conflicts(&self) -> Result<(), String> {
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
        Ok(())
    }

    /// Ctrl-C quits in every configuration.
    fn ensure_interrupt_key(&mut self) {
        let interrupt = Key::interrupt();
        if let Some(quit) = self.bindings.iter_mut().find(|binding| binding.action == Action::Quit)
            && !quit.keys.contains(&interrupt)
        {
            quit.keys.push(interrupt);
        }
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

    /// The action of a key on a screen. Key releases have none.
    pub fn action(&self, event: &KeyEvent, screen: Screen, mode: KeymapMode) -> Option<Action> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let key = Key::from(*event);
        let taken_over = |binding: &&Binding| mode.replay && binding.scope == Scope::Replay;
        let mut bound = self.bindings.iter().filter(|binding| binding.keys.contains(&key));
        let binding = bound.clone().find(taken_over).or_else(|| bound.find(|b| b.scope.includes(screen)));
        binding.map(|binding| binding.action)
    }

    /// The keys that work now, most important first; the view shows as many as fit.
    pub fn footer(&self, model: &Model, mode: KeymapMode) -> Vec<FooterEntry> {
        use Action::{Close, Copy, Down, Help, Left, Quit, Right, Up};
        let fixed = |keys: &str, label| FooterEntry { action: None, keys: keys.to_owned(), label };
        let scroll = [(Up, "scroll"), (Down, "scroll")];
        match &model.popup {
            Some(Popup::Palette { .. }) => {
                vec![fixed("Enter", "send"), fixed("Up Down", "choose"), fixed("Esc", "cancel")]
            }
            Some(Popup::Command(pending)) if pending.is_yes_no_question() => {
                vec![fixed("y", "send"), fixed("Esc", "cancel")]
            }
            Some(Popup::Input(_) | Popup::Command(_)) => {
                vec![fixed("Enter", "accept"), fixed("Esc", "cancel")]
            }
            Some(Popup::Inject { .. }) => {
                self.entries(&[(Action::Open, "inject"), (Up, "choose"), (Down, "choose"), (Close, "cancel")])
            }
            Some(Popup::Separate(_)) => self.entries(&[(Action::Open, "start"), (Close, "cancel")]),
            Some(Popup::Help { .. } | Popup::Why { .. } | Popup::Details { .. }) => {
                self.entries(&[&[(Close, "close")], &scroll[..], &[(Quit, "quit")]].concat())
            }
            None if model.screen == Screen::Drops && model.detail.is_some() => {
                let before = [(Close, "close"), (Left, "other drop"), (Right, "other drop")];
                let after = [(Copy, "copy"), (Help, "help"), (Quit, "quit")];
                self.entries(&[&before[..], &scroll, &after].concat())
            }
            None => {
                let visible = self.active_bindings(mode).filter(|(binding, keys)| {
                    !keys.is_empty()
                        && (binding.scope == Scope::Replay || binding.scope.includes(model.screen))
                });
                let labeled: Vec<_> = visible.filter_map(|(b, _)| Some((b.action, b.label?))).collect();
                self.entries(&labeled)
            }
        }
    }

    /// The active bindings, each with its effective keys: a replay overrides some keys.
    fn active_bindings(&self, mode: KeymapMode) -> impl Iterator<Item = (&Binding, Vec<Key>)> {
        let is_replay = mode.replay;
        let taken: Vec<Key> = self
            .bindings
            .iter()
            .filter(|binding| is_replay && binding.scope == Scope::Replay)
            .flat_map(|binding| binding.keys.iter().copied())
            .collect();
        self.bindings
            .iter()
            .filter(move |binding| mode.device || !binding.action.needs_device())
            .filter(move |binding| match binding.scope {
                Scope::Replay => is_replay,
                _ => !(is_replay && binding.action.needs_connection()),
            })
            .map(move |binding| {
                let is_own = binding.scope == Scope::Replay;
                let keys = binding.keys.iter().filter(|key| is_own || !taken.contains(key));
                (binding, keys.copied().collect())
            })
    }

    /// One entry for each run of actions with the same word; actions without a key are left out.
    fn entries(&self, labeled: &[(Action, &'static str)]) -> Vec<FooterEntry> {
        let mut entries: Vec<FooterEntry> = Vec::new();
        for (action, label) in labeled {
            let Some(key) = self.keys_of(*action).first() else { continue };
            match entries.last_mut() {
                Some(last) if last.label == *label => last.keys.extend([" ", &key.to_string()]),
                _ => entries.push(FooterEntry { action: Some(*action), keys: key.to_string(), label }),
            }
        }
        entries
    }

    /// The active bindings in sections, for the help popup.
    pub fn help(&self, mode: KeymapMode) -> Vec<HelpSection> {
        let active: Vec<_> = self.active_bindings(mode).filter(|(_, keys)| !keys.is_empty()).collect();
        let section = |scope: Scope| {
            let row = |binding: &Binding, keys: &[Key]| {
                let keys: Vec<_> = keys.iter().map(Key::to_string).collect();
                let other = binding.action.help_in_replay().filter(|_| mode.replay);
                (keys.join(" "), other.unwrap_or(binding.help))
            };
            let in_scope = active.iter().filter(|(binding, _)| binding.scope == scope);
            HelpSection { title: scope.title(), rows: in_scope.map(|(b, keys)| row(b, keys)).collect() }
        };
        [Scope::Replay, Scope::Everywhere, Scope::Overview, Scope::Drops, Scope::Device].map(section).into()
    }

    /// The table of the README.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| key | where | what it does | name |\n|---|---|---|---|\n");
        for binding in self.bindings.iter().filter(|binding| !binding.keys.is_empty()) {
            let keys: Vec<_> = binding.keys.iter().map(|key| format!("`{key}`")).collect();
            let (keys, scope, name) = (keys.join(" "), binding.scope.title(), binding.action.name());
            text.push_str(&["| ", &keys, " | ", scope, " | ", binding.help, " | `", name, "` |\n"].concat());
        }
        text
    }
}

#[cfg(test)]
mod tests;
