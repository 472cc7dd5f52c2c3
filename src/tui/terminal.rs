//! The terminal's modes: taken when the explorer opens, given back however it ends or pauses.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture, Event, KeyCode, KeyEventKind, KeyModifiers,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{
    disable_raw_mode, enable_raw_mode, BeginSynchronizedUpdate, EndSynchronizedUpdate,
    EnterAlternateScreen, LeaveAlternateScreen,
};
use ratatui::crossterm::{execute, queue};

use super::tour;

/// `TVAE_PANIC=draw` lets the first frame panic. For tests of how the terminal is given back.
const PANIC_VARIABLE: &str = "TVAE_PANIC";

/// What the loop asks of the process around it, beside drawing.
pub trait Host {
    /// Whether the process was asked to end from outside.
    fn is_asked_to_end(&self) -> bool;

    /// Before a frame is drawn.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    fn begin_frame(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// After a frame was drawn.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    fn end_frame(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Puts a text on the person's clipboard; where there is none, this does nothing.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    fn copy(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }

    /// Notes that the person has seen the tour.
    fn remember_tour(&mut self) {}

    /// Gives the terminal back to the shell and pauses, until the person comes back.
    ///
    /// # Errors
    /// When the terminal cannot be set up again.
    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether somebody paused the process and let it go on since the last call. The terminal is then set up again.
    ///
    /// # Errors
    /// When it cannot be set up again.
    fn has_come_back(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// A flag that ends the loop, and nothing else.
impl Host for AtomicBool {
    fn is_asked_to_end(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// This process's terminal while the explorer has it. Dropping it gives the terminal back.
pub struct Session {
    modes: Arc<Modes>,
    asked_to_end: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
    panics: bool,
}

/// The modes that are taken and given back.
struct Modes {
    mouse: bool,
    keyboard: bool,
    taken: AtomicBool,
}

impl Session {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, focus events, the mouse if wanted, keys without
    /// double meanings where the terminal has them. It is given back on drop, before the message of a panic, and when
    /// SIGTERM, SIGHUP or SIGINT ask the loop to end.
    ///
    /// # Errors
    /// When there is no terminal that can be set up; it is then as it was.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let modes = Arc::new(Modes {
            mouse,
            keyboard: has_plain_keys(variable),
            taken: AtomicBool::new(false),
        });
        let session = Self {
            modes,
            asked_to_end: Arc::default(),
            continued: Arc::default(),
            panics: variable(PANIC_VARIABLE).as_deref() == Some("draw"),
        };
        session.listen()?;
        restore_on_panic(&session.modes);
        // Where this fails half-way, dropping the session gives back what was taken.
        session.modes.take()?;
        Ok(session)
    }

    #[cfg(unix)]
    fn listen(&self) -> io::Result<()> {
        use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
        for signal in [SIGTERM, SIGHUP, SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&self.asked_to_end))?;
        }
        signal_hook::flag::register(SIGCONT, Arc::clone(&self.continued))?;
        Ok(())
    }

    #[cfg(not(unix))]
    fn listen(&self) -> io::Result<()> {
        let end = Arc::clone(&self.asked_to_end);
        signal_hook::flag::register(signal_hook::consts::SIGTERM, end)?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.modes.give_back();
    }
}

impl Host for Session {
    fn is_asked_to_end(&self) -> bool {
        self.asked_to_end.load(Ordering::Relaxed)
    }

    /// The terminal shows nothing of a frame until it is whole.
    fn begin_frame(&mut self) -> io::Result<()> {
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        assert!(!self.panics, "{PANIC_VARIABLE} asks for a panic");
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        copy(text)
    }

    fn remember_tour(&mut self) {
        // Without the file the tour comes once more, which is no failure.
        if let Err(e) = tour::remember() {
            tracing::warn!("the tour's mark cannot be written: {e}");
        }
    }

    fn suspend(&mut self) -> io::Result<()> {
        tracing::info!("paused");
        self.modes.give_back();
        // The default action stops the process here, until SIGCONT. Where nobody could send one, the system ignores it.
        #[cfg(unix)]
        signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)?;
        self.continued.store(false, Ordering::Relaxed);
        self.modes.take()?;
        tracing::info!("went on");
        Ok(())
    }

    fn has_come_back(&mut self) -> io::Result<bool> {
        if !self.continued.swap(false, Ordering::Relaxed) {
            return Ok(false);
        }
        // Stopped by another process: nobody could give the terminal back, and the shell has set its own modes since.
        self.modes.give_back();
        self.modes.take()?;
        Ok(true)
    }
}

impl Modes {
    fn take(&self) -> io::Result<()> {
        self.taken.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        let mut out = io::stdout();
        queue!(out, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)?;
        if self.mouse {
            queue!(out, EnableMouseCapture)?;
        }
        if self.keyboard {
            let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
            queue!(out, PushKeyboardEnhancementFlags(flags))?;
        }
        out.flush()
    }

    /// Undoes [`Modes::take`], once. A terminal that is gone is no failure.
    fn give_back(&self) {
        if !self.taken.swap(false, Ordering::SeqCst) {
            return;
        }
        let mut out = io::stdout();
        if self.keyboard {
            let _ = queue!(out, PopKeyboardEnhancementFlags);
        }
        if self.mouse {
            let _ = queue!(out, DisableMouseCapture);
        }
        let _ = queue!(out, DisableFocusChange, DisableBracketedPaste, EndSynchronizedUpdate);
        let _ = execute!(out, ResetColor, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// A panic of this thread gives the terminal back before its message is printed. One of another thread, which is told
/// as a reply, goes to the log only: the screen stays.
fn restore_on_panic(modes: &Arc<Modes>) {
    let modes = Arc::clone(modes);
    let own = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() != own && modes.taken.load(Ordering::SeqCst) {
            tracing::error!("{}", info.to_string().replace('\n', " "));
            return;
        }
        modes.give_back();
        before(info);
    }));
}

/// Whether the terminal is known to speak the kitty keyboard protocol. Asking it could hold the first frame up for two
/// seconds where it does not answer.
fn has_plain_keys(variable: impl Fn(&str) -> Option<String>) -> bool {
    let term = variable("TERM").unwrap_or_default();
    let program = variable("TERM_PROGRAM").unwrap_or_default().to_ascii_lowercase();
    // A multiplexer passes the variables on, but not the protocol.
    let direct = variable("TMUX").is_none() && variable("STY").is_none();
    let known = ["kitty", "foot", "ghostty", "alacritty", "wezterm", "rio"];
    direct
        && (known.iter().any(|name| term.contains(name))
            || ["wezterm", "ghostty", "iterm.app", "rio"].contains(&program.as_str()))
}

/// Whether an event is the key that pauses a program, ctrl-z.
#[must_use]
pub fn is_suspend(event: &Event) -> bool {
    matches!(event, Event::Key(key) if key.kind != KeyEventKind::Release
        && key.code == KeyCode::Char('z') && key.modifiers == KeyModifiers::CONTROL)
}

/// Puts a text on the clipboard of the person's desktop, through the terminal (OSC 52) and so over SSH as well.
/// Terminals that do not know the sequence ignore it.
///
/// # Errors
/// When the terminal cannot be written to.
pub fn copy(text: &str) -> io::Result<()> {
    write_copy(&mut io::stdout(), text)
}

fn write_copy(out: &mut impl Write, text: &str) -> io::Result<()> {
    execute!(out, CopyToClipboard::to_clipboard_from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::KeyEvent;

    #[test]
    fn a_copied_text_reaches_the_terminal_as_base64_only() {
        let mut out = Vec::new();
        write_copy(&mut out, "x = '\u{1b}[31m'").expect("written");
        assert_eq!(String::from_utf8_lossy(&out), "\u{1b}]52;c;eCA9ICcbWzMxbSc=\u{1b}\\");
    }

    #[test]
    fn plain_keys_are_asked_for_where_they_are_known() {
        let of = |all: &'static [(&str, &str)]| {
            has_plain_keys(|name| {
                all.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(of(&[("TERM", "xterm-kitty")]));
        assert!(of(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")]));
        assert!(!of(&[("TERM", "xterm-256color")]));
        assert!(!of(&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/tmux")]));
        assert!(!of(&[]));
    }

    #[test]
    fn only_control_z_pauses() {
        let key = |c, modifiers| Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers));
        assert!(is_suspend(&key('z', KeyModifiers::CONTROL)));
        assert!(!is_suspend(&key('z', KeyModifiers::NONE)));
        assert!(!is_suspend(&key('z', KeyModifiers::CONTROL | KeyModifiers::ALT)));
    }
}
