//! The real program on a pseudo-terminal: it draws the ladder, answers keys, and leaves the terminal as it found it.

#![cfg(unix)]

use std::io::{Read, Write};
use std::sync::mpsc::{channel, Receiver};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use portable_pty::{native_pty_system, Child, CommandBuilder, MasterPty, PtySize};

/// A folder for state in which the tour was seen.
fn tour_is_seen() -> &'static std::path::Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::create_dir(dir.path().join("tvae-tui")).expect("folder");
        std::fs::write(dir.path().join("tvae-tui/tour-seen"), "").expect("file");
        dir
    });
    folder.path()
}

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
        Self::start_with(columns, rows, args, &[])
    }

    fn start_with(columns: u16, rows: u16, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tvae-tui"));
        command.args(args);
        Self::run(columns, rows, command, variables)
    }

    fn run(
        columns: u16,
        rows: u16,
        mut command: CommandBuilder,
        variables: &[(&str, &str)],
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        command.env("TERM", "xterm-256color");
        // Not the configuration of whoever runs the tests.
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        command.env("XDG_STATE_HOME", tour_is_seen());
        for (name, value) in variables {
            command.env(name, value);
        }
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
        self.ends_with("?1049l", "?1049h")
    }

    /// Whether one control sequence was sent after the last of another.
    fn ends_with(&self, last: &str, other: &str) -> bool {
        let raw = String::from_utf8_lossy(&self.raw);
        let at = |sequence: &str| raw.rfind(&format!("\u{1b}[{sequence}"));
        at(last).is_some() && at(last) > at(other)
    }

    /// Every mode that the program takes is given back: screen, mouse, paste, focus, cursor.
    fn gave_all_back(&self) -> bool {
        ["1049", "1006", "1000", "2004", "1004"]
            .iter()
            .all(|mode| self.ends_with(&format!("?{mode}l"), &format!("?{mode}h")))
            && self.ends_with("?25h", "?25l")
            && !self.ends_with("?2026h", "?2026l")
    }
}

fn rungs(screen: &str) -> usize {
    (0..=10).filter(|k| screen.contains(&format!("{}.{}0", k / 10, k % 10))).count()
}

/// Whether the ladder is there, every rung with its verdict.
fn is_judged(screen: &str) -> bool {
    rungs(screen) >= 9 && screen.matches(['✓', '✗']).count() >= 9
}

#[test]
fn the_ladder_appears_keys_act_and_q_restores_the_terminal() {
    let mut t = Terminal::start(120, 40, &["--seed", "1"]);
    t.wait("eleven rungs with verdicts", is_judged);
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
fn signals_from_outside_restore_the_terminal() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let mut t = Terminal::start(80, 24, &[]);
        t.wait("the ladder", |s| rungs(s) >= 9);
        let id = t.child.process_id().expect("a process");
        let mut kill = std::process::Command::new("kill");
        kill.args([signal, &id.to_string()]).status().expect("kill");
        t.exit_code();
        assert!(t.gave_all_back(), "{signal}");
    }
}

#[test]
fn frames_are_drawn_as_a_whole() {
    let mut t = Terminal::start(80, 24, &[]);
    t.wait("the ladder", |s| rungs(s) >= 9);
    t.press("q");
    t.exit_code();
    let raw = String::from_utf8_lossy(&t.raw).into_owned();
    let frames = raw.matches("\u{1b}[?2026h").count();
    assert!(frames > 0 && raw.matches("\u{1b}[?2026l").count() >= frames);
}

/// A panic while drawing: the terminal is given back first, then the message is printed on it, and it is logged.
#[test]
fn a_panic_restores_the_terminal_and_is_told_and_logged() {
    let dir = tempfile::tempdir().expect("folder");
    let log = dir.path().join("log").display().to_string();
    let mut t = Terminal::start_with(80, 24, &["--log", &log], &[("TVAE_PANIC", "draw")]);
    assert_ne!(t.exit_code(), 0);
    assert!(t.gave_all_back());
    let raw = String::from_utf8_lossy(&t.raw).into_owned();
    let told = raw.rfind("TVAE_PANIC asks for a panic");
    assert!(told.is_some() && told > raw.rfind("\u{1b}[?1049l"), "{raw:?}");
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("ERROR") && log.contains("TVAE_PANIC asks for a panic"), "{log}");
}

/// Job control is a shell's, so one runs the program: ctrl-z brings its prompt back, `fg` the explorer.
#[test]
fn control_z_pauses_and_fg_brings_the_explorer_back() {
    let mut shell = CommandBuilder::new("/bin/sh");
    shell.arg("-i");
    let mut t = Terminal::run(100, 30, shell, &[("PS1", "ready> "), ("ENV", "/nonexistent")]);
    t.wait("the prompt", |s| s.contains("ready>"));
    t.press(&format!("{} --seed 3\n", env!("CARGO_BIN_EXE_tvae-tui")));
    t.wait("the ladder", is_judged);
    t.press("\u{1a}");
    t.wait("the shell", |s| s.trim_end().ends_with("ready>"));
    assert!(t.gave_all_back(), "the shell has no terminal of its own");
    t.press("echo pau''sed\n");
    t.wait("the shell's answer", |s| s.contains("paused"));
    t.press("fg\n");
    t.wait("the ladder again", |s| is_judged(s) && !s.contains("paused"));
    t.press("?");
    t.wait("the help", |s| s.contains("╭ help ") && s.contains("↑↓ 1–"));
    t.press("\u{1b}[6~");
    t.wait("more of the help", |s| s.contains("↑↓ 11–"));
    // Escape and a letter at once would be one key with alt.
    t.press("\u{1b}");
    t.wait("the ladder", |s| !s.contains("╭ help "));
    t.press("q");
    t.wait("the shell", |s| s.trim_end().ends_with("ready>"));
    assert!(t.gave_all_back());
    t.press("exit\n");
    t.exit_code();
}

/// Stopped and continued by another process: the screen is set up and drawn again.
#[test]
fn a_process_that_was_stopped_draws_everything_again() {
    let mut t = Terminal::start(80, 24, &[]);
    t.wait("the ladder", is_judged);
    let id = t.child.process_id().expect("a process").to_string();
    let kill = |signal: &str| {
        std::process::Command::new("kill").args([signal, &id]).status().expect("kill");
    };
    kill("-STOP");
    // What another program left on the screen.
    t.screen.process(b"\x1b[?1049l\x1b[2J\x1b[Hsomething else");
    kill("-CONT");
    t.wait("the ladder again", |s| rungs(s) >= 9 && !s.contains("something else"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
    assert!(t.gave_all_back());
}

#[test]
fn what_is_pasted_is_typed_into_the_field_and_runs_no_command() {
    let mut t = Terminal::start(100, 30, &["--seed", "1"]);
    t.wait("the ladder", |s| rungs(s) >= 9);
    let paste = |text: &str| format!("\u{1b}[200~{text}\u{1b}[201~");
    // A `q` among it would quit.
    t.press(&paste("quit\n"));
    t.press("a");
    t.press(&"\u{7f}".repeat(80));
    t.press(&paste("x = queue[0]\n"));
    t.press("\r");
    t.wait("the end", |s| s.contains("A x = queue[0]"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
}

#[test]
fn the_configuration_decides_how_the_explorer_opens() {
    let dir = tempfile::tempdir().expect("folder");
    std::fs::create_dir(dir.path().join("tvae-tui")).expect("folder");
    let text = "rungs = 5\npath = \"linear\"\nmouse = false\ntheme = \"plain\"\nseed = 4\n";
    std::fs::write(dir.path().join("tvae-tui/config.toml"), text).expect("file");
    let home = dir.path().display().to_string();
    let mut t = Terminal::start_with(80, 24, &[], &[("XDG_CONFIG_HOME", &home)]);
    t.wait("a linear ladder of five", |s| s.contains("· linear ·") && s.contains(" 0.25 "));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
    let raw = String::from_utf8_lossy(&t.raw).into_owned();
    assert!(!raw.contains("\u{1b}[?1000h"), "the mouse was taken");
    assert!(!raw.contains("[38;"), "a colour was used");
}

#[test]
fn a_model_that_is_not_there_says_what_to_do() {
    let mut t = Terminal::start(80, 24, &["--model", "no-such-model"]);
    t.wait("the message", |s| s.contains("no-such-model"));
    t.press("q");
    t.exit_code();
}

#[test]
fn the_tour_comes_on_the_first_run_only_and_leaves_the_keys_alone() {
    let dir = tempfile::tempdir().expect("folder");
    let home = dir.path().display().to_string();
    let start = |args: &[&str]| Terminal::start_with(100, 30, args, &[("XDG_STATE_HOME", &home)]);
    let mut t = start(&["--no-tour"]);
    t.wait("the ladder", is_judged);
    assert!(!t.text().contains("1 of 5"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);

    let mut t = start(&["--seed", "1"]);
    t.wait("the first step", |s| s.contains("1 of 5 · two ends"));
    let before = t.text();
    t.press("\r");
    t.wait("the second step", |s| s.contains("2 of 5 · the ladder"));
    t.press("r");
    let ends = |s: &str| s.lines().nth(2).unwrap_or_default().to_owned();
    t.wait("other ends", |s| ends(s) != ends(&before) && s.contains("2 of 5"));
    // Quitting is not leaving the tour.
    t.press("q");
    assert_eq!(t.exit_code(), 0);

    let mut t = start(&[]);
    t.wait("the tour again", |s| s.contains("1 of 5"));
    t.press("\u{1b}");
    t.wait("the tour left", |s| !s.contains("1 of 5") && s.contains("quit"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);

    let mut t = start(&[]);
    t.wait("the ladder", is_judged);
    assert!(!t.text().contains("1 of 5"));
    t.press("\u{1b}OQ");
    t.wait("the tour on request", |s| s.contains("1 of 5"));
    for _ in 0..5 {
        t.press("\u{1b}[C");
    }
    t.wait("its end", |s| !s.contains(" of 5 ·"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
}

#[test]
fn a_session_is_kept_saved_and_gone_on_with() {
    let dir = tempfile::tempdir().expect("folder");
    let home = dir.path().display().to_string();
    let variables = [("XDG_DATA_HOME", home.as_str())];
    let mut t = Terminal::start_with(120, 40, &["--seed", "5"], &variables);
    t.wait("the ladder", is_judged);
    t.press("7");
    t.press("\u{4}");
    t.wait("the prompt", |s| s.contains("new bookmark"));
    t.press("half way\r");
    t.wait("it is kept", |s| s.contains("kept as bookmark 1"));
    t.press("2");
    let judged = |s: &str| {
        let below = s.split("t = 0.200").nth(1).unwrap_or_default();
        below.lines().take(6).any(|line| line.contains(['✓', '✗']))
    };
    t.wait("the decode", judged);
    t.press("y");
    t.wait("copied", |s| s.contains("copied the decode at t = 0.200"));
    assert!(String::from_utf8_lossy(&t.raw).contains("\u{1b}]52;c;"));
    t.press("\u{13}");
    t.wait("the prompt", |s| s.contains("save the session") && s.contains("python.json"));
    t.press("\r");
    t.wait("it is saved", |s| s.contains("saved to"));
    let ends: Vec<String> = t.text().lines().take(4).skip(2).map(|l| l[..60].to_owned()).collect();
    t.press("q");
    assert_eq!(t.exit_code(), 0);

    let file = dir.path().join("tvae-tui/sessions/python.json").display().to_string();
    let mut t = Terminal::start_with(120, 40, &["--session", &file], &variables);
    t.wait("the same ends", |s| rungs(s) == 11 && ends.iter().all(|end| s.contains(end.trim())));
    assert!(t.text().contains("t = 0.200"));
    t.press("\u{1b}[Z\u{1b}[Z");
    t.wait("the bookmark", |s| s.contains("1 half way") && s.contains("history"));
    t.press("\r");
    t.wait("its place", |s| s.contains("t = 0.700"));
    t.press("u");
    t.wait("the place before", |s| s.contains("t = 0.200"));
    // The file is another session's now, and no other is written over it.
    t.press("q");
    assert_eq!(t.exit_code(), 0);
    let mut t = Terminal::start_with(120, 40, &[], &variables);
    t.wait("the ladder", is_judged);
    t.press("\u{13}\r");
    t.wait("a refusal", |s| s.contains("is there already"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
}

/// Texts of one's own with labels: their labels are directions, and what is made of them is kept.
#[test]
fn a_data_set_gives_directions_and_own_ones_are_saved() {
    let dir = tempfile::tempdir().expect("folder");
    let file = dir.path().join("lines.csv");
    let assigned = (0..30).map(|i| format!("x{i} = {i},assigned\n"));
    let called = (0..30).map(|i| format!("print(x{i}),called\n"));
    let rows: String = assigned.chain(called).collect();
    std::fs::write(&file, format!("text,kind\n{rows}")).expect("file");
    let (file, home) = (file.display().to_string(), dir.path().display().to_string());
    let variables = [("XDG_DATA_HOME", home.as_str())];
    let data = ["--data", &file, "--column", "text", "--label-column", "kind", "--seed", "1"];
    let mut t = Terminal::start_with(120, 40, &data, &variables);
    t.wait("the ladder", is_judged);
    t.press(":");
    t.wait("the commands", |s| s.contains("commands ─"));
    t.press("direction from ends\r");
    t.wait("the list left", |s| !s.contains("commands ─"));
    t.press("\t\t");
    t.wait("the directions", |s| s.contains("@ assigned") && s.contains("* A to B"));
    t.press("s");
    t.wait("they are saved", |s| s.contains("directions saved: python.directions.json"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);

    let mut t = Terminal::start_with(120, 40, &[], &variables);
    t.wait("the ladder", is_judged);
    t.press("\t\t");
    t.wait("the direction", |s| s.contains("* A to B") && s.contains("# length"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
}

/// Models while the program runs: one is opened, two are compared, one is renamed and one deleted.
#[test]
fn models_are_opened_compared_renamed_and_deleted() {
    let dir = tempfile::tempdir().expect("folder");
    let home = dir.path().display().to_string();
    for (name, domain) in [("twin", "python"), ("spare", "python")] {
        let mut copy = std::process::Command::new(env!("CARGO_BIN_EXE_tvae-tui"));
        copy.args(["models", "duplicate", domain, name]).env("XDG_DATA_HOME", &home);
        assert!(copy.output().expect("it runs").status.success());
    }
    let folder = dir.path().join("tvae-tui/models");
    std::fs::create_dir(folder.join("broken")).expect("folder");
    let variables = [("XDG_DATA_HOME", home.as_str())];
    let mut t = Terminal::start_with(110, 34, &["--seed", "2"], &variables);
    t.wait("the ladder", is_judged);
    let ends = |s: &str| {
        let lines =
            s.lines().filter(|line| line.starts_with("     A ") || line.starts_with("     B "));
        lines.map(|line| line.chars().take(40).collect()).collect::<Vec<String>>()
    };
    let before = ends(&t.text());
    t.press("\u{1b}OR");
    t.wait("the models", |s| s.contains("[models]") && s.contains("twin") && s.contains("spare"));
    t.press("/twin\r");
    t.wait("one of them", |s| s.contains("1 of 6: twin") && !s.contains("spare"));
    t.press("\r");
    t.wait("it is open", |s| s.contains("[explore]") && s.contains("  twin ·") && is_judged(s));
    assert_eq!(ends(&t.text()), before, "the ends stay");

    t.press("\u{1b}OR");
    t.wait("the models", |s| s.contains("[models]") && s.contains("twin open"));
    t.press("/");
    t.wait("the field", |s| s.contains("esc shows all"));
    t.press("\u{1b}");
    t.wait("all of them", |s| s.contains("broken") && s.contains("spare"));
    // A model that does not open leaves the one that is open.
    t.press("/broken\r\r");
    t.wait("why", |s| s.contains("broken cannot be opened"));
    t.press("/");
    t.wait("the field", |s| s.contains("esc shows all"));
    t.press("\u{1b}");
    t.wait("all of them", |s| s.contains("spare"));
    t.press("kkkkk");
    t.press("c");
    t.wait("two ladders", |s| {
        s.contains("[compare]")
            && s.matches('│').count() > 10
            && s.matches(['✓', '✗']).count() >= 20
    });
    t.press("r");
    t.wait("two others", |s| ends(s) != before && s.matches(['✓', '✗']).count() >= 20);
    t.press("\u{7f}");
    t.wait("one", |s| !s.contains("[compare]"));

    t.press("\u{1b}OR");
    t.wait("the models", |s| s.contains("[models]"));
    t.press("/spare\rn");
    t.wait("the question", |s| s.contains("another name for spare"));
    t.press("-2\r");
    t.wait("its new name", |s| s.contains("spare is now spare-2"));
    assert!(folder.join("spare-2/model.safetensors").exists() && !folder.join("spare").exists());
    t.press("Dspare\r");
    t.wait("a refusal", |s| s.contains("not deleted"));
    t.press("Dspare-2\r");
    t.wait("it is gone", |s| s.contains("spare-2 is deleted"));
    assert!(!folder.join("spare-2").exists());
    t.press("\u{1b}");
    t.wait("the explorer", |s| s.contains("[explore]"));
    t.press("q");
    assert_eq!(t.exit_code(), 0);
    assert!(t.gave_all_back());
}

/// The number behind the last `word` of a screen.
fn number_behind(screen: &str, word: &str) -> Option<usize> {
    let (_, rest) = screen.rsplit_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The train screen with a tiny run on the bundled samples that goes on and has told of steps.
fn training(data: &std::path::Path) -> Terminal {
    let folder = data.display().to_string();
    let mut terminal =
        Terminal::start_with(120, 40, &["--seed", "3"], &[("XDG_DATA_HOME", &folder)]);
    terminal.wait("the ladder is decoded", |s| rungs(s) == 11 && is_judged(s));
    terminal.press("\u{1b}OS");
    terminal.wait("the data are looked at", |s| s.contains("M parameters"));
    terminal.press("s");
    terminal.wait("steps are told", |s| s.contains("running") && s.contains("tokens/s"));
    terminal
}

#[test]
fn a_run_of_the_app_that_is_killed_goes_on_from_the_command_line() {
    let data = tempfile::tempdir().expect("folder");
    let mut terminal = training(data.path());
    terminal.press(" ");
    terminal.wait("it waits, saved", |s| s.contains("paused") && s.contains("saved at"));
    let saved = number_behind(&terminal.text(), "saved at ").expect("a step");
    terminal.press(" ");
    terminal.wait("it goes on", |s| s.contains("running"));
    terminal.child.clone_killer().kill().expect("killed");
    let _ = terminal.exit_code();

    let out = data.path().join("tvae-tui/models/my-python");
    let (checkpoint, ..) = tvae_tui::train::Checkpoint::load(&out).expect("a whole checkpoint");
    assert!(checkpoint.step >= saved, "{} {saved}", checkpoint.step);
    // Its lines and its configuration are known; the little time that it is given has passed already.
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_tvae-tui"))
        .args(["train", "--resume", "--minutes", "0.001", "--out"])
        .arg(&out)
        .assert()
        .success();
    tvae_tui::engine::LoadedModel::from_folder(&out).expect("the model opens");
}

#[test]
fn leaving_during_a_run_asks_and_saves_every_step_that_was_told() {
    let data = tempfile::tempdir().expect("folder");
    let mut terminal = training(data.path());
    terminal.press("q");
    terminal.wait("it asks", |s| s.contains("quit while a run goes on"));
    terminal.press("\r");
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.gave_all_back());
    let out = data.path().join("tvae-tui/models/my-python");
    let (checkpoint, ..) = tvae_tui::train::Checkpoint::load(&out).expect("a checkpoint");
    let told = tvae_tui::train::runs::history(&out).expect("reports");
    let last = told.iter().map(tvae_tui::train::Report::step).max();
    assert_eq!(Some(checkpoint.step), last);
}
