//! A server that runs as a child process on a CPU of its own.

use crate::affinity;
use crate::side::Contender;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running server; dropping it ends it.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    pub(crate) access_key: String,
}

impl Server {
    /// Starts a contender on the server's CPUs, and leaves the calling thread on `generator_cpu`.
    pub(crate) fn start(contender: &Contender, server_cpus: &[usize], generator_cpu: usize) -> Result<Self> {
        // The child inherits the pin, so that all its threads have it from their first instruction.
        affinity::pin_to(server_cpus)?;
        let started = Self::start_here(&contender.program, &contender.arguments);
        affinity::pin_to(&[generator_cpu])?;
        started
    }

    /// Starts a program where the calling thread may run.
    pub(crate) fn start_here(program: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let output = child.stdout.take().context("the child has no standard output")?;
        let mut server = Self { child, host: String::new(), access_key: String::new() };
        (server.host, server.access_key) = read_banner(output)?;
        Ok(server)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says so when the server has ended by itself.
    pub(crate) fn ensure_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the server ended: {status}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the child has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads up to the line with the connection string; later output is drained so that the server never blocks on it.
fn read_banner(output: ChildStdout) -> Result<(String, String)> {
    let mut lines = BufReader::new(output).lines();
    let mut seen = Vec::new();
    let found = loop {
        let Some(line) = lines.next() else {
            bail!("the server printed no connection string, only {seen:?}");
        };
        let line = line?;
        if let Some(found) = parse_connection_string(&line) {
            break found;
        }
        seen.push(line);
    };
    std::thread::spawn(move || lines.for_each(drop));
    Ok(found)
}

fn parse_connection_string(line: &str) -> Option<(String, String)> {
    let value = |name: &str| Some(line.split_once(name)?.1.split(';').next()?.trim().to_owned());
    let endpoint = value("Endpoint=http://").or_else(|| value("Endpoint=https://"))?;
    Some((endpoint.trim_end_matches('/').to_owned(), value("AccessKey=")?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_connection_string_is_found_inside_a_line() {
        let line = "  connection  Endpoint=http://127.0.0.1:80/;AccessKey=ab=;Version=1.0;";
        let expected = ("127.0.0.1:80".to_owned(), "ab=".to_owned());
        assert_eq!(super::parse_connection_string(line), Some(expected));
        assert_eq!(super::parse_connection_string("listening"), None);
    }
}
