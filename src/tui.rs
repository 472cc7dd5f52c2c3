//! The explorer on a terminal: drawing, events, and the loop between them.

pub mod canvas;
mod events;
pub mod glyph;
pub mod highlight;
mod hit;
mod keys;
mod preferences;
mod shot;
mod terminal;
mod theme;
mod view;

use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::event::Event;
use ratatui::Terminal;

pub use events::Hands;
pub use hit::{Grip, Hit, HitMap};
pub use keys::key_of;
pub use preferences::{Glyphs, Preferences};
pub use shot::Shot;
pub use terminal::{copy, is_suspend, Host, Session};
pub use theme::{Depth, Theme, ThemeName};
pub use view::view;

use crate::app::{keys, update, Action, Effect, State};
use crate::engine::{save_directions, Engine};

/// How often the loop looks whether it was asked to end from outside.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the explorer on this process's terminal until the person quits; restores the terminal whatever happens.
///
/// # Errors
/// When the terminal cannot be set up or drawn on.
pub fn explore(engine: Engine, seed: u64, preferences: &Preferences) -> io::Result<()> {
    let mut session = Session::enter(preferences.mouse)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let (send, events) = crossbeam_channel::bounded(1024);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || read_events(&send))?;
    let theme = preferences.theme();
    let keys = keys(&preferences.keys).map_err(io::Error::other)?;
    let mut state = State::new(seed, keys);
    state.begin_with(preferences.path, preferences.rungs);
    run(&mut terminal, &mut state, &engine, &events, &theme, &mut session)
}

fn read_events(send: &Sender<Event>) {
    while let Ok(event) = ratatui::crossterm::event::read() {
        if send.send(event).is_err() {
            return;
        }
    }
}

/// The loop: everything that waits is taken in, then the last state is drawn, once.
///
/// # Errors
/// When the backend cannot be drawn on.
pub fn run<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    state: &mut State,
    engine: &Engine,
    events: &Receiver<Event>,
    theme: &Theme,
    host: &mut impl Host,
) -> io::Result<()> {
    let mut hands = Hands::default();
    let mut hits = draw(terminal, state, theme, host)?;
    while !state.quit && !host.is_asked_to_end() {
        let (mut dirty, mut suspend) = (false, false);
        let take = |action: Option<Action>, state: &mut State| {
            if let Some(action) = action {
                for effect in update(state, action) {
                    carry_out(effect, state, engine);
                }
            }
        };
        crossbeam_channel::select! {
            recv(events) -> event => match event {
                Ok(event) => {
                    dirty = true;
                    suspend |= is_suspend(&event);
                    take(hands.action_of(state, &hits, &event), state);
                }
                // The terminal is gone.
                Err(_) => return Ok(()),
            },
            recv(engine.replies()) -> reply => if let Ok(reply) = reply {
                dirty = true;
                take(Some(Action::Engine(reply)), state);
            } else {
                // The engine's thread has ended; what there is stays on the screen.
                std::thread::sleep(LOOK);
            },
            default(LOOK) => {}
        }
        while let Ok(event) = events.try_recv() {
            dirty = true;
            suspend |= is_suspend(&event);
            take(hands.action_of(state, &hits, &event), state);
        }
        while let Ok(reply) = engine.replies().try_recv() {
            dirty = true;
            take(Some(Action::Engine(reply)), state);
        }
        if suspend {
            host.suspend()?;
        }
        if suspend || host.has_come_back()? {
            // Nothing of what was drawn is there any more. `Terminal::clear` would wait for the cursor's position.
            terminal.backend_mut().clear()?;
            terminal.swap_buffers();
            dirty = true;
        }
        if dirty && !state.quit {
            hits = draw(terminal, state, theme, host)?;
        }
    }
    Ok(())
}

/// Does what an action asks for outside of the state.
fn carry_out(effect: Effect, state: &mut State, engine: &Engine) {
    match effect {
        Effect::Decode(request) => engine.request(request),
        Effect::SaveDirections { file, own } => {
            let saved = save_directions(&file, &own);
            let told = saved.map(|()| file.display().to_string()).map_err(|e| e.to_string());
            // What is told of it asks for nothing more.
            let _ = update(state, Action::DirectionsSaved(told));
        }
    }
}

fn draw<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    state: &State,
    theme: &Theme,
    host: &mut impl Host,
) -> io::Result<HitMap> {
    let mut hits = HitMap::default();
    host.begin_frame()?;
    terminal.draw(|frame| hits = view(state, theme, frame))?;
    host.end_frame()?;
    Ok(hits)
}

#[cfg(test)]
mod tests;
