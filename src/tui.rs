//! The explorer on a terminal: drawing, events, and the loop between them.

pub mod canvas;
mod chart;
mod effects;
mod engines;
mod events;
pub mod glyph;
pub mod highlight;
mod hit;
mod keys;
mod look;
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

pub use engines::{Engines, News, OpenModel};
pub use events::Hands;
pub use hit::{Grip, Hit, HitMap};
pub use keys::{event_of, key_of};
pub use look::Look;
pub use preferences::{Glyphs, Preferences};
pub use script::{play, Played, ScreenSize, Script, ScriptError};
pub use shot::Shot;
pub use terminal::{copy, is_suspend, Host, Session};
pub use theme::{Depth, Theme, ThemeName};
pub use view::view;

use crate::app::State;
use effects::Stage;
use glyph::{GlyphMode, Pixels};

/// How often the loop looks whether it was asked to end from outside.
const LOOK: Duration = Duration::from_millis(100);
/// How long the model is waited for before a terminal is asked for real pixels.
const OPENING: Duration = Duration::from_secs(10);

/// Runs the explorer on this process's terminal until the person quits; restores the terminal whatever happens. Whoever
/// has not seen the tour is shown it, unless `tour` is false.
///
/// # Errors
/// When the terminal cannot be set up or drawn on.
pub fn explore(
    engines: &mut Engines,
    mut state: State,
    preferences: &Preferences,
    tour: bool,
) -> io::Result<()> {
    if tour && !tour::is_seen() {
        state.tour = Some(0);
    }
    let mut session = Session::enter(preferences.mouse)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let mode = preferences.glyph_mode();
    let look = Look::new(preferences.theme(), mode);
    let mut stage = Stage { engines, host: &mut session, look };
    if mode == GlyphMode::Pixels {
        ask_for_pixels(&mut terminal, &mut state, &mut stage)?;
    }
    let (send, events) = crossbeam_channel::bounded(1024);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || read_events(&send))?;
    run_on(&mut terminal, &mut state, &mut stage, &events)
}

/// Asks the terminal for real pixels where the model's texts are pictures. The answer comes as input, so nothing may read
/// events yet, and whether it is wanted is known once the model is open.
fn ask_for_pixels<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    state: &mut State,
    stage: &mut Stage<'_, impl Host>,
) -> io::Result<()> {
    draw(terminal, state, stage)?;
    if let Ok(news) = stage.engines.news().recv_timeout(OPENING) {
        stage.hear(state, news);
    }
    if state.draws_pictures() {
        stage.look.set_pixels(Pixels::ask());
    }
    Ok(())
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
    engines: &mut Engines,
    events: &Receiver<Event>,
    look: Look,
    host: &mut impl Host,
) -> io::Result<()> {
    run_on(terminal, state, &mut Stage { engines, host, look }, events)
}

fn run_on<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    state: &mut State,
    stage: &mut Stage<'_, impl Host>,
    events: &Receiver<Event>,
) -> io::Result<()> {
    let mut hands = Hands::default();
    let mut hits = draw(terminal, state, stage)?;
    while !state.quit && !stage.host.is_asked_to_end() {
        let (mut dirty, mut suspend) = (false, false);
        crossbeam_channel::select! {
            recv(events) -> event => match event {
                Ok(event) => {
                    dirty = true;
                    suspend |= is_suspend(&event);
                    stage.act_on(state, hands.action_of(state, &hits, &event));
                }
                // The terminal is gone.
                Err(_) => return Ok(()),
            },
            recv(stage.engines.news()) -> news => if let Ok(news) = news {
                dirty = true;
                stage.hear(state, news);
            },
            default(LOOK) => {}
        }
        while let Ok(event) = events.try_recv() {
            dirty = true;
            suspend |= is_suspend(&event);
            stage.act_on(state, hands.action_of(state, &hits, &event));
        }
        while let Ok(news) = stage.engines.news().try_recv() {
            dirty = true;
            stage.hear(state, news);
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
            hits = draw(terminal, state, stage)?;
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
    terminal.draw(|frame| hits = view(state, &stage.look, frame))?;
    stage.host.end_frame()?;
    Ok(hits)
}

#[cfg(test)]
mod tests;
