//! `livepass` processes that end with the test.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;

use stack::Endpoints;

pub fn livepass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livepass"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Runs a shell line, for commands that are documented as such.
pub fn shell(line: &str) -> Output {
    Command::new("bash").arg("-ec").arg(line).output().expect("bash runs")
}

/// What a command shows on a terminal, its standard error, once it has succeeded.
pub fn on_a_terminal(command: &mut Command) -> String {
    let (mut ours, mut its) = (-1, -1);
    let mut size = libc::winsize {
        ws_row: 24,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: two integers to write to, and a size to read.
    let opened = unsafe {
        libc::openpty(
            &mut ours,
            &mut its,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &raw mut size,
        )
    };
    assert_eq!(opened, 0, "a terminal");
    // SAFETY: just opened, and nobody else's.
    let (mut ours, its) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(its)) };
    command.env("TERM", "xterm").stdout(Stdio::null()).stderr(its);
    let mut child = command.spawn().expect("livepass starts");
    // The command's builder holds the terminal open, which then has no end.
    command.stderr(Stdio::null());
    let mut seen = Vec::new();
    // Once the last process has left it, reading fails.
    let _ = ours.read_to_end(&mut seen);
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(child.wait().expect("ended").success(), "{seen}");
    seen
}

/// What a command tells, once it has succeeded.
pub fn told(command: &mut Command) -> String {
    let output = command.output().expect("livepass runs");
    let story = String::from_utf8(output.stdout).expect("text");
    assert!(
        output.status.success(),
        "{story}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    story
}

#[track_caller]
pub fn assert_in_order(story: &str, parts: &[&str]) {
    let mut rest = story;
    for part in parts {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("{part:?} is missing, or too early, in:\n{story}"));
        rest = &rest[at + part.len()..];
    }
}

/// Whether a tool is there; its absence is said, since a skipped check proves nothing.
pub fn available(tool: &str) -> bool {
    let found = shell(&format!("command -v {tool}")).status.success();
    if !found {
        eprintln!("skipped: no {tool}");
    }
    found
}

/// Ports for one stack; the same after a restart.
#[derive(Clone)]
pub struct Ports([u16; 4]);

impl Ports {
    /// Below the range from which the system takes ports for connections, so that nobody takes them
    /// while a stack restarts; each is given out once.
    pub fn free() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = 20_000 + (std::process::id() % 100) as u16 * 100;
        Self([(); 4].map(|()| {
            loop {
                let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
                if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                    return port;
                }
            }
        }))
    }
}

/// A running `livepass dev`; killed when dropped.
pub struct Dev {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Lines of its log, read all along: a process whose pipe is full stands still.
    stderr: mpsc::Receiver<String>,
}

impl Dev {
    pub fn start(dir: &Path, ports: &Ports, format: &str) -> Self {
        let [http, dynamodb, apns, control] = ports.0.map(|port| format!("127.0.0.1:{port}"));
        let mut child = livepass()
            .args(["dev", "--format", format, "--http", &http, "--dynamodb", &dynamodb])
            .args(["--apns", &apns, "--control", &control, "--dir"])
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("livepass starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        let (lines, stderr) = mpsc::channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = lines.send(line + "\n");
            }
        });
        Self { child, stdout, stderr }
    }

    /// Starts with `--format json` and waits until it is ready.
    pub fn ready(dir: &Path, ports: &Ports) -> (Self, Endpoints) {
        let mut dev = Self::start(dir, ports, "json");
        let line = dev.line();
        let endpoints = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}\n{}", dev.log()));
        (dev, endpoints)
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line
    }

    /// Lines until one that contains `text`, which is included.
    pub fn lines_until(&mut self, text: &str) -> String {
        let mut lines = String::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "ended before {text:?}:\n{lines}{}", self.log());
            lines.push_str(&line);
            if line.contains(text) {
                return lines;
            }
        }
    }

    /// Lines of its log until one that contains `text`, which is included.
    pub fn log_until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let Ok(line) = self.stderr.recv() else {
                panic!("the log ended before {text:?}: {lines:#?}");
            };
            let found = line.contains(text);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// SIGTERM; returns whether it ended well, and its log.
    pub fn stop(mut self) -> (bool, String) {
        // SAFETY: a signal to our own child, which has not been waited for.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        let status = self.child.wait().expect("ended");
        (status.success(), self.log())
    }

    /// What it wrote to standard error; ends it.
    fn log(&mut self) -> String {
        let _ = self.child.kill();
        self.stderr.iter().collect()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
