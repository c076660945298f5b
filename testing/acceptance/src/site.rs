use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use hubwire_server::{Error, Overrides, Running, Server};

use crate::client::Handshake;
use crate::console::Console;
use crate::rest::Rest;
use crate::token::{ACCESS_KEY, Token};
use crate::wire::Wire;

/// Tells the folders of one process apart.
static NEXT_FOLDER: AtomicU32 = AtomicU32::new(0);

/// A service that is to be started: with one worker, on a free port, with [`ACCESS_KEY`], unless said otherwise.
#[derive(Debug)]
pub struct Setup {
    overrides: Overrides,
    settings: String,
    limits: String,
    tables: String,
}

/// One running service. Dropping it stops it.
pub struct Site {
    running: Option<Running>,
    folder: PathBuf,
    file: PathBuf,
}

impl Default for Setup {
    fn default() -> Self {
        let overrides =
            Overrides { listen: Some("127.0.0.1:0".to_owned()), workers: Some(1), ..Overrides::default() };
        let settings = format!("access_key = \"{ACCESS_KEY}\"\n");
        Self { overrides, settings, limits: String::new(), tables: String::new() }
    }
}

impl Setup {
    /// Sets a limit.
    #[must_use]
    pub fn limit(mut self, name: &str, value: u64) -> Self {
        writeln!(self.limits, "{name} = {value}").expect("text can grow");
        self
    }

    /// Sets the number of workers.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.overrides.workers = Some(workers);
        self
    }

    /// Adds a table to the file.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        writeln!(self.tables, "{table}").expect("text can grow");
        self
    }

    /// Takes the settings outside of tables from `settings`, [`ACCESS_KEY`] not included.
    #[must_use]
    pub fn settings(mut self, settings: &str) -> Self {
        self.settings = format!("{settings}\n");
        self
    }

    /// Changes what flags say.
    #[must_use]
    pub fn overrides(mut self, change: impl FnOnce(&mut Overrides)) -> Self {
        change(&mut self.overrides);
        self
    }

    /// Starts the service.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn start(self) -> Site {
        self.try_start().unwrap_or_else(|error| panic!("the service starts: {error}"))
    }

    /// Starts the service, or says why it does not start.
    ///
    /// # Errors
    /// What the service says.
    pub fn try_start(self) -> Result<Site, Error> {
        let number = NEXT_FOLDER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("hubwire-acceptance-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let file = folder.join("hubwire.toml");
        let mut site = Site { running: None, folder, file };
        site.write(&self.text());
        let config = Some(site.file.clone());
        site.running = Some(Server::start(Overrides { config, ..self.overrides })?);
        Ok(site)
    }

    /// The configuration file.
    pub fn text(&self) -> String {
        format!("{}[limits]\n{}{}", self.settings, self.limits, self.tables)
    }
}

impl Site {
    /// A service with nothing out of the ordinary.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// The service itself.
    ///
    /// # Panics
    /// If it has been taken away by [`Site::take`].
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("the service runs")
    }

    /// Takes the service away, to stop it.
    ///
    /// # Panics
    /// If that has been done before.
    pub fn take(&mut self) -> Running {
        self.running.take().expect("the service runs")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running().address()
    }

    /// Host and port, as they stand in URLs.
    pub fn authority(&self) -> String {
        self.address().to_string()
    }

    /// The configuration file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Replaces the configuration file at once, as careful editors do.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, text: &str) {
        let draft = self.folder.join("draft.toml");
        std::fs::write(&draft, text).expect("the file can be written");
        std::fs::rename(&draft, &self.file).expect("the file can be replaced");
    }

    /// A bare socket.
    ///
    /// # Panics
    /// If there is none to be had.
    #[track_caller]
    pub fn wire(&self) -> Wire {
        Wire::connect(self.address())
    }

    /// An application server.
    pub fn rest(&self) -> Rest {
        Rest::new(self.address(), ACCESS_KEY)
    }

    /// An operator at the console of a site with [`crate::CONSOLE`].
    pub fn console(&self) -> Console {
        Console::operator(self.address())
    }

    /// A handshake with the hub `chat`.
    pub fn handshake(&self, token: &Token) -> Handshake {
        Handshake::new(self.address(), &token.sign(ACCESS_KEY, &self.authority(), "chat"))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
        // A folder that is left behind in the system's place for such things harms nobody.
        let _left = std::fs::remove_dir_all(&self.folder);
    }
}
