//! Settings as the TOML that would give them.

use super::keys::KEYS;
use super::Settings;
use crate::app::{keys, Key};

impl Settings {
    /// The settings as TOML with a comment at every key. Reading it back gives the same settings.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        for key in &KEYS {
            for line in key.help {
                out.push_str(&format!("# {line}\n"));
            }
            match (key.get)(self) {
                Ok(value) => out.push_str(&format!("{} = {value}\n\n", key.name)),
                Err(example) => out.push_str(&format!("# {} = {example}\n\n", key.name)),
            }
        }
        out.push_str("# Keys of the explorer's commands; what is listed replaces the default, [] leaves a command without.\n");
        out.push_str("[keys]\n");
        // These were checked when they were read.
        if let Ok(keys) = keys(&self.explorer.keys) {
            for (id, keys) in keys.bindings() {
                let keys: Vec<toml::Value> =
                    keys.iter().map(|k: &Key| k.to_string().into()).collect();
                let id = if id.contains('.') { format!("\"{id}\"") } else { id.to_owned() };
                out.push_str(&format!("{id} = {}\n", toml::Value::Array(keys)));
            }
        }
        out
    }
}
