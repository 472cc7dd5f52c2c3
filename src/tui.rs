//! The explorer on a terminal: drawing, events, and the loop between them.

pub mod canvas;
mod effects;
mod events;
pub mod glyph;
pub mod highlight;
mod hit;
mod keys;
mod preferences;
mod script;
mod shot;
mod terminal;
mod theme;
mod tour;
mod view;

use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::event::Event;
use ratatui::Terminal;

pub use events::Hands;
pub use hit::{Grip, Hit, HitMap};
pub use keys::{event_of, key_of};
pub use preferences::{Glyphs, Preferences};
pub use script::{play, Played, ScreenSize, Script, ScriptError};
pub use shot::Shot;
pub use terminal::{copy, is_suspend, Host, Session};
pub use theme::{Depth, Theme, ThemeName};
pub use view::view;

use crate::app::{Action, State};
use crate::engine::Engine;
use effects::Stage;

/// How often the loop looks whether it was asked to end from outside.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the explorer on this process's terminal until the person quits; restores the terminal whatever happens. Whoever
/// has not seen the tour is shown it, unless `tour` is false.
///
/// # Errors
/// When the terminal cannot be set up or drawn on.
pub fn explore(
    engine: &Engine,
    mut state: State,
    preferences: &Preferences,
    tour: bool,
) -> io::Result<()> {
    if tour && !tour::is_seen() {
        state.tour = Some(0);
    }
    let mut session = Session::enter(preferences.mouse)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let (send, events) = crossbeam_channel::bounded(1024);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || read_events(&send))?;
    run(&mut terminal, &mut state, engine, &events, preferences.theme(), &mut session)
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
    theme: Theme,
    host: &mut impl Host,
) -> io::Result<()> {
    let mut hands = Hands::default();
    let mut stage = Stage { engine, host, theme };
    let mut hits = draw(terminal, state, &mut stage)?;
    while !state.quit && !stage.host.is_asked_to_end() {
        let (mut dirty, mut suspend) = (false, false);
        let mut take = |action: Option<Action>, state: &mut State| {
            if let Some(action) = action {
                stage.act(state, action);
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
            stage.host.suspend()?;
        }
        if suspend || stage.host.has_come_back()? {
            // Nothing of what was drawn is there any more. `Terminal::clear` would wait for the cursor's position.
            terminal.backend_mut().clear()?;
            terminal.swap_buffers();
            dirty = true;
        }
        if dirty && !state.quit {
            hits = draw(terminal, state, &mut stage)?;
        }
    }
    Ok(())
}

fn draw<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    state: &State,
    stage: &mut Stage<'_, impl Host>,
) -> io::Result<HitMap> {
    let mut hits = HitMap::default();
    stage.host.begin_frame()?;
    terminal.draw(|frame| hits = view(state, &stage.theme, frame))?;
    stage.host.end_frame()?;
    Ok(hits)
}

#[cfg(test)]
mod tests;
