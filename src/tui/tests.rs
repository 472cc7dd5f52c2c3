//! The loop on a terminal in memory.

use std::io::Write;
use std::sync::{Arc, Mutex};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};

use super::*;
use crate::app::keys;
use crate::engine::{EngineError, Library};

/// A terminal's screen that bytes are written to.
#[derive(Clone)]
struct Screen(Arc<Mutex<vt100::Parser>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a screen").process(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what the loop asks for.
#[derive(Default)]
struct Counting {
    frames: usize,
    open: bool,
    paused: usize,
    comes_back: bool,
    /// Where something else is written while the explorer is away.
    screen: Option<Screen>,
    end_after: Option<usize>,
}

impl Host for Counting {
    fn is_asked_to_end(&self) -> bool {
        self.end_after.is_some_and(|frames| self.frames >= frames)
    }

    fn begin_frame(&mut self) -> io::Result<()> {
        assert!(!std::mem::replace(&mut self.open, true));
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        assert!(std::mem::replace(&mut self.open, false));
        self.frames += 1;
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.paused += 1;
        self.scribble()
    }

    fn has_come_back(&mut self) -> io::Result<bool> {
        let back = std::mem::take(&mut self.comes_back);
        if back {
            self.scribble()?;
        }
        Ok(back)
    }
}

impl Counting {
    fn scribble(&mut self) -> io::Result<()> {
        let screen = self.screen.as_mut().expect("a screen");
        screen.write_all(b"\x1b[2J\x1b[3;1Hsomething else")
    }
}

fn key(c: char, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers))
}

/// Runs the loop on these events and gives what the screen shows then.
fn run_on(events: Vec<Event>, host: &mut Counting) -> String {
    let (send, receive) = crossbeam_channel::unbounded();
    for event in events {
        send.send(event).expect("sent");
    }
    let open: OpenModel = Arc::new(|_| Err(EngineError::Load("there is none".to_owned())));
    let mut engines = Engines::start(open, "none", Library::default()).expect("a thread");
    let screen = Screen(Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0))));
    host.screen = Some(screen.clone());
    let viewport = Viewport::Fixed(Rect::new(0, 0, 80, 24));
    let backend = CrosstermBackend::new(screen.clone());
    let mut terminal =
        Terminal::with_options(backend, TerminalOptions { viewport }).expect("a terminal");
    let mut state = State::new(1, keys(&[]).expect("keys"));
    run(&mut terminal, &mut state, &mut engines, &receive, Look::plain(), host).expect("it runs");
    let parser = screen.0.lock().expect("a screen");
    parser.screen().contents()
}

#[test]
fn control_z_pauses_and_everything_is_drawn_again() {
    let mut host = Counting { end_after: Some(2), ..Counting::default() };
    let screen = run_on(vec![key('z', KeyModifiers::CONTROL)], &mut host);
    assert_eq!((host.paused, host.open), (1, false));
    assert!(screen.contains("tvae-tui") && !screen.contains("something else"), "{screen}");
}

#[test]
fn coming_back_from_a_stop_draws_everything_again() {
    let mut host = Counting { comes_back: true, end_after: Some(2), ..Counting::default() };
    let screen = run_on(Vec::new(), &mut host);
    assert_eq!(host.paused, 0);
    assert!(screen.contains("tvae-tui") && !screen.contains("something else"), "{screen}");
}

#[test]
fn a_flag_ends_the_loop() {
    let mut host = Counting { end_after: Some(1), ..Counting::default() };
    run_on(Vec::new(), &mut host);
    assert_eq!(host.frames, 1);
}
