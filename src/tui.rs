//! The explorer on a terminal: drawing, events, and the loop between them.

pub mod canvas;
mod events;
pub mod glyph;
pub mod highlight;
mod hit;
mod keys;
mod preferences;
mod theme;
mod view;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use ratatui::backend::Backend;
use ratatui::crossterm::event::{DisableMouseCapture, EnableMouseCapture, Event};
use ratatui::crossterm::execute;
use ratatui::Terminal;

pub use events::Hands;
pub use hit::{Grip, Hit, HitMap};
pub use keys::key_of;
pub use preferences::{Glyphs, Preferences};
pub use theme::{Depth, Theme, ThemeName};
pub use view::view;

use crate::app::{keys, update, Action, Effect, State};
use crate::engine::Engine;

/// How often the loop looks whether it was asked to end from outside.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the explorer on this process's terminal until the person quits; restores the terminal whatever happens.
///
/// # Errors
/// When the terminal cannot be set up or drawn on.
pub fn explore(engine: Engine, seed: u64) -> io::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let mut terminal = ratatui::try_init()?;
    let mouse = MouseCapture::new();
    let (send, events) = crossbeam_channel::bounded(1024);
    std::thread::Builder::new().name("input".to_owned()).spawn(move || read_events(&send))?;
    let theme = Theme::from_environment();
    let keys = keys(&[]).map_err(io::Error::other)?;
    let mut state = State::new(seed, keys);
    let result = run(&mut terminal, &mut state, &engine, &events, &theme, &stop);
    drop(mouse);
    ratatui::restore();
    result
}

/// Mouse events while this lives; given up on a panic as well.
struct MouseCapture;

impl MouseCapture {
    fn new() -> Self {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // ratatui's own hook restores the rest.
            let _ = execute!(io::stdout(), DisableMouseCapture);
            before(info);
        }));
        // A terminal without a mouse is no failure.
        let _ = execute!(io::stdout(), EnableMouseCapture);
        Self
    }
}

impl Drop for MouseCapture {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), DisableMouseCapture);
        let _ = io::stdout().flush();
    }
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
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut hands = Hands::default();
    let mut hits = draw(terminal, state, theme)?;
    while !state.quit && !stop.load(Ordering::Relaxed) {
        let mut dirty = false;
        let take = |action: Option<Action>, state: &mut State| {
            if let Some(action) = action {
                for Effect::Decode(request) in update(state, action) {
                    engine.request(request);
                }
            }
        };
        crossbeam_channel::select! {
            recv(events) -> event => match event {
                Ok(event) => {
                    dirty = true;
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
            take(hands.action_of(state, &hits, &event), state);
        }
        while let Ok(reply) = engine.replies().try_recv() {
            dirty = true;
            take(Some(Action::Engine(reply)), state);
        }
        if dirty && !state.quit {
            hits = draw(terminal, state, theme)?;
        }
    }
    Ok(())
}

fn draw<B: Backend<Error = io::Error>>(
    terminal: &mut Terminal<B>,
    state: &State,
    theme: &Theme,
) -> io::Result<HitMap> {
    let mut hits = HitMap::default();
    terminal.draw(|frame| hits = view(state, theme, frame))?;
    Ok(hits)
}
