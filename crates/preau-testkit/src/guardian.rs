//! A small shell process that outlives us just long enough to clean up after us.
//!
//! It waits on a pipe whose other end only this process holds. The kernel closes that end whatever the
//! way this process dies (return, panic, `kill -9`), and the guardian then does its duty. It is not a
//! supervisor: it never restarts anything. Linux's parent-death signal was refused, because it fires
//! when the *thread* that started the child ends, and a test's thread ends long before its process.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Holds the pipe; dropping it without [`Guardian::dismiss`] makes the guardian act.
#[derive(Debug)]
pub(crate) struct Guardian {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guardian {
    /// Kills `pid` if we die first.
    pub(crate) fn over_process(pid: u32) -> io::Result<Guardian> {
        let mut command = Command::new("sh");
        command.args(["-c", "read -r word || kill -KILL \"$1\"", "guardian", &pid.to_string()]);
        Guardian::start(&mut command)
    }

    /// Runs `command`, a shell script that ends when its standard input does. It gets a process group
    /// of its own, so that a Ctrl-C meant for the tests does not end it before it has cleaned up.
    pub(crate) fn start(command: &mut Command) -> io::Result<Guardian> {
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn()?;
        let pipe = shell.stdin.take();
        Ok(Guardian { shell, pipe })
    }

    /// Sends the guardian home: there is nothing left to watch over.
    pub(crate) fn dismiss(mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // If the guardian is gone already there is nobody to tell: nothing is lost.
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
