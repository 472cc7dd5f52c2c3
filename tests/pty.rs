//! The real program on a pseudo-terminal: it draws the ladder, answers keys, and leaves the terminal as it found it.

#![cfg(unix)]

use std::io::{Read, Write};
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

use portable_pty::{native_pty_system, Child, CommandBuilder, MasterPty, PtySize};

struct Terminal {
    screen: vt100::Parser,
    output: Receiver<Vec<u8>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    raw: Vec<u8>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn start(columns: u16, rows: u16, args: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tvae-tui"));
        command.args(args);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let input = pair.master.take_writer().expect("a writer");
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || send.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            screen: vt100::Parser::new(rows, columns, 0),
            output,
            input,
            child,
            raw: Vec::new(),
            _master: pair.master,
        }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn pump(&mut self, wait: Duration) {
        if let Ok(bytes) = self.output.recv_timeout(wait) {
            self.screen.process(&bytes);
            self.raw.extend(bytes);
        }
    }

    /// Waits until the screen satisfies `met`; fails with the last screen after a minute.
    fn wait(&mut self, what: &str, met: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !met(&self.text()) {
            assert!(start.elapsed() < Duration::from_secs(60), "{what}; screen:\n{}", self.text());
            self.pump(Duration::from_millis(50));
        }
    }

    fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).expect("keys");
        self.input.flush().expect("keys");
    }

    fn exit_code(&mut self) -> u32 {
        let start = Instant::now();
        loop {
            self.pump(Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().expect("status") {
                while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
                    self.raw.extend(bytes);
                }
                return status.exit_code();
            }
            assert!(start.elapsed() < Duration::from_secs(30), "the program does not end");
        }
    }

    fn left_alternate_screen(&self) -> bool {
        let raw = String::from_utf8_lossy(&self.raw);
        raw.rfind("\u{1b}[?1049l") > raw.rfind("\u{1b}[?1049h")
    }
}

fn rungs(screen: &str) -> usize {
    (0..=10).filter(|k| screen.contains(&format!("{}.{}0", k / 10, k % 10))).count()
}

#[test]
fn the_ladder_appears_keys_act_and_q_restores_the_terminal() {
    let mut t = Terminal::start(120, 40, &["--seed", "1"]);
    t.wait("eleven rungs with verdicts", |s| rungs(s) == 11 && s.matches(['✓', '✗']).count() >= 11);
    let first = t.text();
    t.press("r");
    t.wait("new ends", |s| s != first && rungs(s) == 11);
    t.press("?");
    t.wait("the help", |s| s.to_lowercase().contains("help") || s.contains("quit"));
    t.press("\u{1b}");
    // A burst of held keys must neither hang nor pile up.
    for _ in 0..200 {
        t.press("l");
    }
    t.wait("the slider at its right end", |s| s.contains("1.50"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
    assert!(t.left_alternate_screen());
}

#[test]
fn sigterm_restores_the_terminal() {
    let mut t = Terminal::start(80, 24, &[]);
    t.wait("the ladder", |s| rungs(s) >= 9);
    let id = t.child.process_id().expect("a process");
    std::process::Command::new("kill").arg(id.to_string()).status().expect("kill");
    t.exit_code();
    assert!(t.left_alternate_screen());
}

#[test]
fn a_model_that_is_not_there_says_what_to_do() {
    let mut t = Terminal::start(80, 24, &["--model", "no-such-model"]);
    t.wait("the message", |s| s.contains("no-such-model"));
    t.press("q");
    t.exit_code();
}
