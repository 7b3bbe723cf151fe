//! The servers that carry the same load: ours, LiveKit's, Janus. Each has the first core to itself.

use super::serve;
use anyhow::Context as _;
use preau_sfu::token::TokenKey;
use preau_testkit::{Program, Running, usage::Usage};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// Name and secret of the key that all sign with.
pub(crate) const KEY: (&str, &str) = ("APIbench", "a-key-that-only-this-benchmark-knows-0123456789");
/// The server's core.
const CORE: &str = "0";

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Ours,
    LiveKit,
    Janus,
}

/// A server that runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    running: Running,
    /// Holds its files.
    _folder: Option<tempfile::TempDir>,
}

impl Make {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Make::Ours => "ours",
            Make::LiveKit => "livekit",
            Make::Janus => "janus",
        }
    }

    /// Why it cannot be measured here.
    pub(crate) fn absent(self, net: [u8; 2]) -> Option<String> {
        match self {
            Make::Ours => None,
            Make::LiveKit => (!Path::new(livekit()).exists())
                .then(|| "target/livekit-server is not there: make test-cluster builds it".to_owned()),
            Make::Janus if !Path::new(JANUS).exists() => {
                Some(format!("{JANUS} is not there: apt install janus"))
            }
            Make::Janus if net[0] == 127 => Some(
                "it serves no loopback address, and a network of our own is not permitted here".to_owned(),
            ),
            Make::Janus => None,
        }
    }

    /// Starts it on an address of the private network.
    pub(crate) fn start(self, net: [u8; 2]) -> anyhow::Result<Server> {
        let ip = Ipv4Addr::new(net[0], net[1], 0, 1);
        let address = SocketAddr::from((ip, free_port(ip)?));
        let pinned = |program: &str, ready: &str| Program::new("taskset", ready).args(["-c", CORE, program]);
        let (program, folder) = match self {
            Make::Ours => {
                let own = std::env::current_exe()?;
                let own = own.to_str().context("this program's path is no text")?;
                (pinned(own, serve::READY).args(["--serve", &address.to_string()]), None)
            }
            Make::LiveKit => {
                // YAML takes JSON.
                let config = serde_json::json!({
                    "port": address.port(),
                    "bind_addresses": [ip.to_string()],
                    "keys": { KEY.0: KEY.1 },
                    "rtc": {
                        "tcp_port": free_port(ip)?, "udp_port": free_port(ip)?, "node_ip": ip.to_string(),
                        "use_external_ip": false, "enable_loopback_candidate": true,
                        "ips": { "includes": [format!("{ip}/32")] },
                    },
                    "logging": { "level": "info" },
                });
                let program = pinned(livekit(), "starting LiveKit server");
                (program.args(["--config-body".to_owned(), config.to_string()]), None)
            }
            Make::Janus => {
                let folder = janus_files(address)?;
                let path = folder.path().to_str().context("the folder's path is no text")?.to_owned();
                let program = pinned(JANUS, "WebSockets thread started");
                (program.args(["-F", &path, "-C", &format!("{path}/janus.jcfg")]), Some(folder))
            }
        };
        let running = program.start()?;
        Ok(Server { address, running, _folder: folder })
    }
}

impl Server {
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        // `taskset` becomes the program that it starts.
        Ok(Usage::of(self.running.pid())?)
    }
}

const JANUS: &str = "/usr/bin/janus";

fn livekit() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/livekit-server")
}

/// The key that opens rooms.
pub(crate) fn key() -> TokenKey {
    TokenKey::new(KEY.0, KEY.1)
}

fn free_port(ip: Ipv4Addr) -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind((ip, 0))?.local_addr()?.port())
}

/// Janus with nothing but the room plugin and WebSockets.
fn janus_files(address: SocketAddr) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text);
    let path = folder.path().display();
    let plugins = [
        "audiobridge",
        "duktape",
        "echotest",
        "lua",
        "nosip",
        "recordplay",
        "sip",
        "streaming",
        "textroom",
        "videocall",
        "voicemail",
    ];
    let plugins = plugins.map(|name| format!("libjanus_{name}.so")).join(",");
    write(
        "janus.jcfg",
        format!(
            "general: {{ configs_folder = \"{path}\" debug_level = 4 session_timeout = 0 }}\n\
             media: {{ ipv6 = false rtp_port_range = \"20000-60000\" }}\n\
             nat: {{ ice_ignore_list = \"vmnet\" ignore_mdns = true }}\n\
             plugins: {{ disable = \"{plugins}\" }}\n\
             transports: {{ disable = \"libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so\" }}\n\
             events: {{ }}\n"
        ),
    )?;
    write("janus.plugin.videoroom.jcfg", "general: { }\n".to_owned())?;
    write(
        "janus.transport.websockets.jcfg",
        format!(
            "general: {{ json = \"compact\" ws = true ws_port = {} ws_ip = \"{}\" wss = false }}\nadmin: {{ admin_ws = false admin_wss = false }}\n",
            address.port(),
            address.ip()
        ),
    )?;
    Ok(folder)
}
