//! Several nodes of the service, joined by a NATS server, all on the server's CPUs.

use crate::affinity;
use crate::clock::Clock;
use crate::fanout;
use crate::options::Options;
use crate::process::Server;
use crate::scenario::{Durability, Nodes};
use crate::settings_file::SettingsFile;
use crate::side::Contender;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a NATS server may take to say where it listens.
const START_TIMEOUT_NS: u64 = 10_000_000_000;
/// How often it is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Publishes on the first node to subscribers on the others, or everything on the only one.
pub(crate) fn run(contender: &Contender, scenario: &Nodes, options: &Options) -> Result<fanout::Measured> {
    if scenario.nodes == 1 {
        return fanout::run(contender, &scenario.fanout, options);
    }
    let nats = Nats::start(scenario.durability, options)?;
    let durability = match scenario.durability {
        Durability::Node => "node",
        Durability::Cluster => "cluster",
    };
    let cluster = format!("[cluster]\nnats = [{:?}]\n", nats.url);
    let settings = SettingsFile::write(&format!("{cluster}[hubs.bench]\ndurability = {durability:?}\n"))?;
    let mut contender = contender.clone();
    contender.arguments.extend(["--config".to_owned(), settings.path()]);
    let start = |_| Server::start(&contender, &options.server_cpu, options.generator_cpu);
    let mut servers = (0..scenario.nodes).map(start).collect::<Result<Vec<_>>>()?;
    fanout::run_over(&mut servers, Some(nats.child.id()), &scenario.fanout, options)
}

/// A running NATS server; dropping it ends it.
struct Nats {
    child: Child,
    url: String,
    /// Where it writes its port, and what JetStream stores.
    folder: PathBuf,
}

impl Nats {
    fn start(durability: Durability, options: &Options) -> Result<Self> {
        let program = find().context("there is no nats-server; on Debian: apt-get install nats-server")?;
        let folder = std::env::temp_dir().join(format!("hubwire-bench-nats-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]).arg(&folder);
        if durability == Durability::Cluster {
            command.args(["-js", "-sd"]).arg(&folder);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        affinity::pin_to(&options.server_cpu)?;
        let child = command.spawn().context("nats-server cannot be started");
        affinity::pin_to(&[options.generator_cpu])?;
        let mut nats = Self { child: child?, url: String::new(), folder };
        nats.url = nats.wait()?;
        Ok(nats)
    }

    fn wait(&mut self) -> Result<String> {
        let file = self.folder.join(format!("nats-server_{}.ports", self.child.id()));
        let clock = Clock::start();
        let end_ns = clock.now_ns() + START_TIMEOUT_NS;
        while clock.now_ns() < end_ns {
            if let Some(url) = url_in(&file) {
                return Ok(url);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("nats-server ended: {status}");
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        bail!("nats-server does not say where it listens")
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // These fail only when it has ended already; a file that is left in a temporary folder hurts nobody.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The first address in the file of ports, once it is written whole.
fn url_in(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
    ports["nats"][0].as_str().map(str::to_owned)
}

/// The server in `PATH`, or where Debian has it.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("nats-server")).find(|program| program.is_file())
}
