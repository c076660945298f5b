use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use hubwire_outbox::{DeadLetter, Limits, Outbox, Place, Request, Response, Which, ask};
use hubwire_server::Config;

use crate::arguments::{self, Meant, OutboxAction, OutboxChange, Settings};
use crate::output;

/// Carries out what is asked: by way of the service that runs on the data directory, or on the directory itself if none does.
pub(crate) fn run(arguments: &arguments::Outbox) -> anyhow::Result<()> {
    match &arguments.action {
        OutboxAction::List(settings) => list(&folder(settings)?),
        OutboxAction::Replay(OutboxChange { settings, meant }) => {
            change(&folder(settings)?, &Request::Replay(which(meant)), "will be delivered")
        }
        OutboxAction::Drop(OutboxChange { settings, meant }) => {
            change(&folder(settings)?, &Request::Drop(which(meant)), "dropped")
        }
    }
}

fn folder(settings: &Settings) -> anyhow::Result<PathBuf> {
    let config = Config::load(&settings.overrides(None))?;
    let Some(directory) = config.data_directory else {
        bail!(
            "without a data directory events wait in memory only: --data-directory, HUBWIRE_DATA_DIRECTORY, or data_directory in the file"
        );
    };
    let folder = directory.join("outbox");
    if !folder.is_dir() {
        bail!("{} is not there: has the service ever run with this data directory?", folder.display());
    }
    Ok(folder)
}

fn which(meant: &Meant) -> Which {
    match (meant.number, &meant.destination) {
        (Some(number), _) => Which::One(number),
        (None, Some(destination)) => Which::Destination(destination.clone()),
        (None, None) => Which::All,
    }
}

#[expect(clippy::disallowed_methods, reason = "a command is where time enters")]
fn now_ms() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(u64::try_from(since.as_millis())?)
}

fn answer(folder: &Path, request: &Request) -> anyhow::Result<Response> {
    if let Some(response) = ask(folder, request)? {
        return Ok(response);
    }
    let now_ms = now_ms()?;
    let outbox = Outbox::open(&Place::Folder(folder.to_owned()), Limits::default(), now_ms)?;
    let response = outbox.administer(request, now_ms);
    outbox.sync().map_err(anyhow::Error::msg)?;
    Ok(response)
}

fn list(folder: &Path) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let (counts, dead) = match answer(folder, &Request::List { after })? {
            Response::Listed { counts, dead } => (counts, dead),
            Response::Failed(problem) => bail!("{problem}"),
            Response::Changed(_) => bail!("the service answered something else"),
        };
        if after == 0 {
            output::line(&format!(
                "{} waiting ({} bytes), {} given up",
                counts.pending, counts.pending_bytes, counts.dead
            ))?;
        }
        let Some(last) = dead.last().map(|letter| letter.serial) else {
            return Ok(());
        };
        for letter in &dead {
            output::line(&line(letter))?;
        }
        after = last;
    }
}

fn line(letter: &DeadLetter) -> String {
    let DeadLetter { serial, destination, lane, attempts, reason, .. } = letter;
    let reason = reason.escape_debug();
    format!("{serial}  {destination}  connection {lane}  {attempts} attempt(s): {reason}")
}

fn change(folder: &Path, request: &Request, done: &str) -> anyhow::Result<()> {
    match answer(folder, request)? {
        Response::Changed(0) => bail!("no such event was given up"),
        Response::Changed(count) => Ok(output::line(&format!("{count} event(s) {done}"))?),
        Response::Failed(problem) => bail!("{problem}"),
        Response::Listed { .. } => bail!("the service answered something else"),
    }
}
