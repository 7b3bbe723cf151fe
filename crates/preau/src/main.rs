//! The one binary: serves a school, fills a demonstration school, imports files, verifies the journal.
//!
//! This file only reads the command line and starts what `preau` (the library) offers; operators'
//! messages are in English.

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use preau::app::App;
use preau::config::{Config, DOCUMENTED};
use preau::console;
use preau::edge::Clock;
use preau::edge::admission::Entry;
use preau::gateway::{GatewayOptions, Service};
use preau::identity::commands::{self, Appointed, Appointment};
use preau::school::import::command::ImportArgs;
use preau::serving::{self, Asked, Listening, Signals};
use preau::store::Store;
use preau_front::{Front, Limits, Listen, Local, handover};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long open requests may go on after the server was asked to stop; live sockets end then.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Préau: the school morning that holds.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a school.
    Serve {
        #[command(flatten)]
        place: Place,
        /// Address and port to listen on, instead of the configured one.
        #[arg(long)]
        listen: Option<SocketAddr>,
    },
    /// Fill an invented school where there is none yet, and serve it.
    Demo {
        #[command(flatten)]
        place: Place,
        /// Address and port to listen on, instead of the configured one.
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// Write the accounts as a JSON list of {role, login, password, name, class}.
        #[arg(long)]
        accounts: Option<PathBuf>,
    },
    /// Read a timetable (EDT's XML or iCalendar) and show what it would change; with --apply, change it.
    Timetable {
        #[command(flatten)]
        place: Place,
        /// The file.
        file: PathBuf,
        /// The school's UAI: seven digits and a letter.
        #[arg(long)]
        school: String,
        /// Apply it, all or nothing.
        #[arg(long)]
        apply: bool,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read people and classes from files and show what would change; `--apply` changes it.
    Import {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        import: ImportArgs,
    },
    /// Stand as a gate in front of other services: those who do not fit in wait with a place that is kept.
    #[command(args_conflicts_with_subcommands = true)]
    Gate {
        #[command(subcommand)]
        command: Option<GateCommand>,
        #[command(flatten)]
        gate: Box<GateArgs>,
    },
    /// Help an account when nobody of the school can, or appoint a school's first administrator.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// The record.
    Evidence {
        #[command(subcommand)]
        command: EvidenceCommand,
    },
    /// Print every setting with its default.
    Config,
}

#[derive(Args)]
struct GateArgs {
    #[command(flatten)]
    place: Place,
    /// A service: http://ADDRESS:PORT, or HOST=URL where there are several. Each has a queue of its own.
    /// Those of [gate.upstream.NAME] in the configuration are served as well.
    #[arg(long = "upstream", value_name = "URL")]
    upstreams: Vec<Service>,
    /// Address and port for plain HTTP.
    #[arg(long)]
    listen: Vec<SocketAddr>,
    /// Address and port for HTTPS.
    #[arg(long)]
    https: Vec<SocketAddr>,
    /// Address and port where browsers are sent on to HTTPS.
    #[arg(long)]
    redirect: Vec<SocketAddr>,
    /// The certificate with its chain, in a PEM file.
    #[arg(long, requires = "key")]
    chain: Option<PathBuf>,
    /// The certificate's key, in a PEM file.
    #[arg(long, requires = "chain")]
    key: Option<PathBuf>,
    /// People who may be inside each service at once, instead of the configured number.
    #[arg(long)]
    sessions: Option<u32>,
    /// An address or network of load balancers whose word about clients is believed.
    #[arg(long = "trust", value_name = "NETWORK")]
    trusted: Vec<String>,
    /// Connections from trusted networks begin with a PROXY header.
    #[arg(long)]
    proxy_protocol: bool,
    /// Address and port of the operator's console and of the metrics, instead of the configured one.
    #[arg(long)]
    console: Option<SocketAddr>,
    /// Threads that serve; one a core if not given.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

#[derive(Subcommand)]
enum GateCommand {
    /// Recompute a published draw: whether its seed is the promised one and its order the drawn one.
    VerifyDraw {
        /// The record, as published after the bell (JSON).
        record: PathBuf,
    },
    /// Show what the gate of a running server sees and does.
    Status {
        #[command(flatten)]
        place: Place,
        /// Where its console listens, instead of the configured address.
        #[arg(long)]
        console: Option<SocketAddr>,
        /// Print everything, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give the gate of a running server an order; it is written into the journal.
    Order {
        #[command(flatten)]
        place: Place,
        /// Where its console listens, instead of the configured address.
        #[arg(long)]
        console: Option<SocketAddr>,
        /// The service, where there are several.
        #[arg(long)]
        house: Option<String>,
        /// ceiling N|none, floor N|none, close LANE, open LANE, guard on|off, message TEXT|none, stop on|off,
        /// end-sessions.
        #[arg(required = true)]
        words: Vec<String>,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Print a new activation code for an account; its password stays valid until the code is used.
    Code {
        #[command(flatten)]
        place: Place,
        /// The account: prenom.nom
        login: String,
    },
    /// The same, and block the old password and every session at once.
    Reset {
        #[command(flatten)]
        place: Place,
        /// The account: prenom.nom
        login: String,
    },
    /// Make somebody the administrator of a school, who imports its people in the browser.
    Appoint {
        #[command(flatten)]
        place: Place,
        /// The school's UAI: seven digits and a letter.
        #[arg(long)]
        school: String,
        /// What the school is called, if it is not there yet.
        #[arg(long)]
        school_name: Option<String>,
        /// Somebody who has an account.
        #[arg(long, conflicts_with_all = ["given", "family"], required_unless_present = "given")]
        login: Option<String>,
        /// First name of somebody new.
        #[arg(long, requires = "family")]
        given: Option<String>,
        /// Family name of somebody new.
        #[arg(long, requires = "given")]
        family: Option<String>,
    },
}

#[derive(Subcommand)]
enum EvidenceCommand {
    /// Walk the journal and name the first entry that does not fit.
    Verify {
        #[command(flatten)]
        place: Place,
        /// The head's hash noted elsewhere, in hexadecimal; the journal must end there or contain it.
        #[arg(long)]
        head: Option<String>,
    },
}

/// Where configuration and data lie.
#[derive(Args)]
struct Place {
    /// Configuration file (TOML). Without one the defaults hold; see `preau config`.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Folder for the database and files, where the configuration does not say otherwise.
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

impl Place {
    fn read(&self) -> anyhow::Result<Config> {
        Ok(Config::read_in_folder(self.data.clone(), self.config.as_deref(), std::env::vars())?)
    }
}

fn main() -> ExitCode {
    serving::remember_program();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("PREAU_LOG")
                .unwrap_or_else(|_| "info,str0m=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("preau: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { place, listen } => {
            let mut config = place.read()?;
            set_listen(&mut config, listen);
            let store = Store::open(&config.store.url)?;
            start(config, store, |_| Ok(()))
        }
        Command::Demo { place, listen, accounts } => {
            let mut config = place.read()?;
            set_listen(&mut config, listen);
            if config.live.listen == Config::default().live.listen {
                // Any free port: two demonstrations may run on one machine.
                config.live.listen.set_port(0);
            }
            let store = Store::open(&config.store.url)?;
            preau::demo::fill(&store, &config)?;
            start(config, store, move |app| {
                tokio::spawn(preau::demo::keep_going(app.platform.store().clone(), app.platform.zone()));
                preau::demo::announce(&app.platform, accounts.as_deref())
            })
        }
        Command::Timetable { place, file, school, apply, json } => {
            let config = place.read()?;
            let store = Store::open(&config.store.url)?;
            preau::timetable::command(&store, &config.place.time_zone, &file, &school, apply, json)
        }
        Command::Import { place, import } => {
            Ok(preau::school::import::command::run(&import, &place.read()?, &preau::app::followers()))
        }
        Command::Gate { command: Some(GateCommand::VerifyDraw { record }), .. } => verify_draw(&record),
        Command::Gate { command: Some(GateCommand::Status { place, console, json }), .. } => {
            console::command::status(&place.read()?, console, json)
        }
        Command::Gate { command: Some(GateCommand::Order { place, console, house, words }), .. } => {
            console::command::order(&place.read()?, console, house.as_deref(), &words)
        }
        Command::Gate { command: None, gate } => run_gate(*gate),
        Command::Admin { command } => admin(command),
        Command::Evidence { command: EvidenceCommand::Verify { place, head } } => {
            let config = place.read()?;
            preau::evidence::verify(&Store::open_to_read(&config.store.url)?, head.as_deref())
        }
        Command::Config => {
            print!("{DOCUMENTED}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run_gate(gate: GateArgs) -> anyhow::Result<ExitCode> {
    let base = gate.place.read()?;
    let mut listening = Listening::of(&base);
    if base.server.listen == Config::default().server.listen {
        // The workspace's own address is no gate's default.
        listening.http.clear();
    }
    listening.http.extend(gate.listen);
    listening.https.extend(gate.https);
    listening.redirect.extend(gate.redirect);
    listening.trusted.extend(gate.trusted);
    listening.proxy_protocol |= gate.proxy_protocol;
    if gate.chain.is_some() {
        (listening.tls.chain, listening.tls.key) = (gate.chain, gate.key);
    }
    let configured = base.gate.upstream.iter().map(|(name, own)| Service::configured(name, own));
    let services: Vec<Service> = gate.upstreams.into_iter().chain(configured).collect();
    anyhow::ensure!(!services.is_empty(), "no service: give --upstream, or [gate.upstream.NAME] in the file");
    let console = gate.console.or(base.server.console);
    let options = GatewayOptions { services, listening, console, threads: gate.threads };
    let (place, sessions) = (gate.place, gate.sessions);
    let config_of = |name: &str| {
        let folder = place.data.join("gate").join(name);
        let mut config = Config::read_in_folder(folder.clone(), place.config.as_deref(), std::env::vars())?;
        // Each service has a queue and a journal of its own, whatever the workspace's are.
        config.store.url = Config::in_folder(folder.clone()).store.url;
        config.gate.state = Config::in_folder(folder).gate.state;
        if let Some(sessions) = sessions {
            config.gate.sessions = sessions;
        }
        Ok(config)
    };
    preau::gateway::run(&options, &base, config_of)?;
    Ok(ExitCode::SUCCESS)
}

/// Exit code 0: the draw is what it claims to be; 1: it is not, and what does not agree is said.
fn verify_draw(record: &std::path::Path) -> anyhow::Result<ExitCode> {
    let shown = record.display();
    let text = std::fs::read_to_string(record).with_context(|| format!("cannot read {shown}"))?;
    let draw: preau_gate::DrawRecord =
        serde_json::from_str(&text).with_context(|| format!("{shown} is no record of a draw"))?;
    match preau_gate::verify_draw(&draw) {
        Ok(draws) => {
            println!(
                "the draw at slot {} is right: {} devices, in the order of their numbers",
                draw.slot,
                draws.len()
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("the draw at slot {} is WRONG: {error}", draw.slot);
            Ok(ExitCode::FAILURE)
        }
    }
}

fn admin(command: AdminCommand) -> anyhow::Result<ExitCode> {
    let now = preau::ids::now_ms();
    let (config, issued) = match command {
        AdminCommand::Code { place, login } => {
            let config = place.read()?;
            let issued = commands::code(&Store::open(&config.store.url)?, &config, &login, now)?;
            (config, issued)
        }
        AdminCommand::Reset { place, login } => {
            let config = place.read()?;
            let issued = commands::reset(&Store::open(&config.store.url)?, &config, &login, now)?;
            (config, issued)
        }
        AdminCommand::Appoint { place, school, school_name, login, given, family } => {
            let config = place.read()?;
            let who = match (login, given, family) {
                (Some(login), ..) => Appointed::Login(login),
                (None, Some(given), Some(family)) => Appointed::Named { given, family },
                _ => anyhow::bail!("say who: --login, or --given and --family"),
            };
            let wish = Appointment { uai: school, school_name, who };
            let issued = commands::appoint(&Store::open(&config.store.url)?, &config, &wish, now)?;
            (config, issued)
        }
    };
    println!("{} ({})", issued.name, issued.login);
    println!("Activation code: {}", issued.code);
    println!(
        "To be used once at {}/activation, within {} days. It is shown only now.",
        config.server.public_url.trim_end_matches('/'),
        config.identity.activation_days
    );
    Ok(ExitCode::SUCCESS)
}

/// A listening address given on the command line is also the address people type, unless the
/// configuration names a public one.
fn set_listen(config: &mut Config, listen: Option<SocketAddr>) {
    if let Some(listen) = listen {
        if config.server.public_url == Config::default().server.public_url {
            config.server.public_url = format!("http://{listen}");
        }
        config.server.listen = listen;
    }
}

/// Serves until the process is asked to stop, or makes way for the program on disk. `ready` runs once the
/// port is open.
fn start(
    mut config: Config,
    store: Store,
    ready: impl FnOnce(&App) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let listening = Listening::of(&config);
    let sockets = listening.sockets()?;
    let certificates = listening.certificates(&sockets)?;
    let first = sockets.first().context("nowhere to listen")?.socket.local_addr()?;
    if config.server.listen.port() == 0 {
        config.server.public_url = format!("http://{first}");
        config.server.listen = first;
    }
    let kept = sockets.iter().map(Listen::duplicate).collect::<Result<Vec<_>, _>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let asked = runtime.block_on(async move {
        let mut signals = Signals::catch()?;
        let (console, trusted) = (config.server.console, listening.trusted()?);
        let folder = console::folder(&config);
        let app = App::assemble(config, store, Clock::System)?;
        app.start()?;
        ready(&app)?;
        if let Some(address) = console {
            let houses = vec![("school".to_owned(), app.platform.clone())];
            console::serve(address, &folder, houses).await?;
        }
        if let Some(certificates) = certificates.clone() {
            tokio::spawn(certificates.keep());
        }
        let tls = certificates.as_ref().map(|certificates| std::sync::Arc::clone(&certificates.tls));
        let router = Local(hyper_util::service::TowerToHyperService::new(app.router.clone()));
        let limits = Limits { drain: DRAIN, ..Limits::default() };
        let mut front = Front::new(Entry::new(app.entrance.clone()), router, limits, trusted, tls);
        if let Some(relay) = app.live.relay() {
            front = front.beside(relay);
        }
        println!("Préau listens on http://{first}");
        handover::ready()?;
        // Not on this runtime's threads: what does not fit into the line of one of those (256 tasks) goes into one
        // for all, of which a busy thread takes one for each sixty of its own. Those who had waited longest waited on.
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let serving = tokio::task::spawn_blocking({
            let front = front.clone();
            move || front.serve_on_threads(sockets, threads)
        });
        let asked = signals.asked(certificates.as_ref()).await;
        front.stop();
        let left = serving.await??;
        if left > 0 {
            tracing::info!(left, "some connections were still open and are closed now");
        }
        app.finish().await;
        anyhow::Ok(asked)
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    if asked == Asked::Replace {
        let error = handover::replace(&mut serving::successor()?, &kept);
        anyhow::bail!("the program on disk could not take over: {error}");
    }
    Ok(ExitCode::SUCCESS)
}
