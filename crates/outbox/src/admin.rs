//! How an operator's command reaches the outbox of a running service: a socket in its folder, which only who may read the folder can use.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::{Counts, DeadLetter, Error, Outbox, Serial, Which};

/// The longest request, in bytes.
const REQUEST_BYTES_MAX: u64 = 64 << 10;
/// The longest answer that a command reads, in bytes.
const RESPONSE_BYTES_MAX: u64 = 64 << 20;
/// Dead letters in one answer.
const LISTED_MAX: usize = 1_000;
/// Commands that are served at a time; more wait.
const CALLERS_MAX: usize = 4;
/// How long either side waits for the other, in milliseconds.
const PATIENCE_MS: u64 = 10_000;

/// What an operator asks of an outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Dead letters after a serial, and what the outbox holds.
    List {
        /// The serial; 0 begins.
        after: Serial,
    },
    /// Deliver dead letters after all.
    Replay(Which),
    /// Forget dead letters.
    Drop(Which),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// A page of dead letters; an empty one is the last.
    Listed {
        /// What the outbox holds, and has done.
        counts: Counts,
        /// The page.
        dead: Vec<DeadLetter>,
    },
    /// So many dead letters were replayed or dropped.
    Changed(usize),
    /// It did not work, and why.
    Failed(String),
}

impl Outbox {
    /// Carries out what an operator asks.
    pub fn administer(&self, request: &Request, now_ms: u64) -> Response {
        let changed =
            |outcome: Result<usize, String>| outcome.map_or_else(Response::Failed, Response::Changed);
        match request {
            Request::List { after } => {
                Response::Listed { counts: self.counts(), dead: self.dead_letters(*after, LISTED_MAX) }
            }
            Request::Replay(which) => changed(self.replay(which, now_ms)),
            Request::Drop(which) => changed(self.drop_dead(which)),
        }
    }
}

/// Where the socket of an outbox's folder is.
pub fn socket_path(folder: &Path) -> PathBuf {
    folder.join("outbox.sock")
}

/// Serves an operator's commands until it is dropped. A socket that a killed process left behind is replaced: the folder is this process's.
///
/// # Errors
/// [`Error::Socket`] if the socket cannot be made.
pub async fn serve(
    outbox: Arc<Outbox>,
    folder: &Path,
    now_ms: impl Fn() -> u64 + Clone + 'static,
) -> Result<(), Error> {
    let path = socket_path(folder);
    let wrong = |error: std::io::Error| Error::Socket { path: path.clone(), problem: error.to_string() };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(wrong(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(wrong)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(wrong)?;
    let callers = Arc::new(Semaphore::new(CALLERS_MAX));
    loop {
        let (stream, _) = listener.accept().await.map_err(wrong)?;
        let Ok(place) = callers.clone().acquire_owned().await else {
            return Ok(());
        };
        let (outbox, now_ms) = (outbox.clone(), now_ms.clone());
        tokio::task::spawn_local(async move {
            let patience = Duration::from_millis(PATIENCE_MS);
            if !matches!(tokio::time::timeout(patience, answer(stream, &outbox, now_ms)).await, Ok(Ok(()))) {
                tracing::debug!("a command for the outbox broke off");
            }
            drop(place);
        });
    }
}

async fn answer(mut stream: UnixStream, outbox: &Outbox, now_ms: impl Fn() -> u64) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    tokio::io::BufReader::new(reader).take(REQUEST_BYTES_MAX).read_until(b'\n', &mut line).await?;
    let response = match serde_json::from_slice(&line) {
        Ok(request) => outbox.administer(&request, now_ms()),
        Err(error) => Response::Failed(format!("the request cannot be read: {error}")),
    };
    let mut line = serde_json::to_vec(&response)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

/// Asks the outbox of a running service; `None` if no service runs on the folder.
///
/// # Errors
/// [`Error::Socket`] if there is a service, but it does not answer.
pub fn ask(folder: &Path, request: &Request) -> Result<Option<Response>, Error> {
    let path = socket_path(folder);
    let Ok(stream) = BlockingStream::connect(&path) else {
        return Ok(None);
    };
    let asked = exchange(stream, request);
    asked.map(Some).map_err(|error| Error::Socket { path, problem: error.to_string() })
}

fn exchange(mut stream: BlockingStream, request: &Request) -> std::io::Result<Response> {
    let patience = Some(Duration::from_millis(PATIENCE_MS));
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(RESPONSE_BYTES_MAX)).read_until(b'\n', &mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}
