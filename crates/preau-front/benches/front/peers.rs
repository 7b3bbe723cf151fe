//! nginx and HAProxy from Debian, configured as somebody would who wants speed, with one thread each.

use crate::Outcome;
use preau_testkit::{Program, Running, port};
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A server process and where it answers.
pub(crate) struct Served {
    running: Running,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }
}

/// Our two processes: one that answers, one that forwards.
pub(crate) struct Ours {
    pub(crate) plain: Served,
    pub(crate) proxy: Served,
    pub(crate) https: SocketAddr,
    pub(crate) ticket: String,
}

pub(crate) struct Peers {
    folder: tempfile::TempDir,
    root: CertificateDer<'static>,
    service: Served,
    pub(crate) nginx: Served,
    pub(crate) nginx_https: SocketAddr,
    pub(crate) haproxy: Served,
    pub(crate) haproxy_https: SocketAddr,
}

fn free() -> Outcome<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], port::free_tcp()?)))
}

impl Peers {
    pub(crate) fn start() -> Outcome<Peers> {
        let folder = tempfile::tempdir()?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["bench.example".to_owned()])?.self_signed(&key)?;
        let file = |name: &str, text: &str| -> Outcome<PathBuf> {
            let path = folder.path().join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        file("chain.pem", &certificate.pem())?;
        file("key.pem", &key.serialize_pem())?;
        file("both.pem", &(certificate.pem() + &key.serialize_pem()))?;
        file("static", "twenty-four bytes here!\n")?;
        let at = folder.path().display().to_string();

        let behind = free()?;
        let service = nginx(
            &file(
                "service.conf",
                &nginx_file(
                    &at,
                    "service",
                    &format!(
                        "server {{ listen {behind}; location / {{ return 200 'twenty-four bytes here!\\n'; }} }}"
                    ),
                ),
            )?,
            behind,
        )?;
        let (address, nginx_https) = (free()?, free()?);
        let servers = format!(
            "upstream service {{ server {behind}; keepalive 64; keepalive_requests 1000000000; }}
             server {{
               listen {address}; listen {nginx_https} ssl; root {at}; default_type text/plain;
               ssl_certificate {at}/chain.pem; ssl_certificate_key {at}/key.pem; ssl_session_cache off;
               ssl_session_tickets on; ssl_protocols TLSv1.2 TLSv1.3;
               location = /static {{ }}
               location = /cached {{ alias {at}/static; open_file_cache max=100; }}
               location = /return {{ return 503; }}
               location = /now {{ return 200 '{{}}'; }}
               location = /through {{ proxy_pass http://service; proxy_http_version 1.1;
                 proxy_set_header Connection ''; proxy_set_header Host $host;
                 proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; }}
             }}"
        );
        let nginx = nginx(&file("nginx.conf", &nginx_file(&at, "nginx", &servers))?, address)?;
        let (address, haproxy_https) = (free()?, free()?);
        let text = format!(
            "global
               nbthread 1
               maxconn 4000
               ssl-default-bind-options ssl-min-ver TLSv1.2
             defaults
               mode http
               timeout client 300s
               timeout server 300s
               timeout connect 5s
               timeout http-keep-alive 300s
               option http-keep-alive
             frontend all
               bind {address}
               bind {haproxy_https} ssl crt {at}/both.pem
               http-request return status 503 content-type text/plain string \"twenty-four bytes here!\" if {{ path /return }}
               http-request return status 200 content-type text/plain string \"{{}}\" if {{ path /now }}
               option forwardfor
               default_backend service
             backend service
               http-reuse always
               server one {behind}
            "
        );
        // HAProxy wants a line end on the last line.
        let config = file("haproxy.cfg", &(text.trim_end().to_owned() + "\n"))?;
        let haproxy = answering(&format!("haproxy -db -f {}", config.display()), address)?;
        let root = certificate.into();
        Ok(Peers { folder, root, service, nginx, nginx_https, haproxy, haproxy_https })
    }

    pub(crate) fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// Our own servers, fresh.
    pub(crate) fn ours(&self) -> Outcome<Ours> {
        let start = |mode: &str| -> Outcome<(Served, SocketAddr, String)> {
            let folder = self.folder.path();
            let running = Program::new(std::env::current_exe()?, "serving ")
                .args([
                    "server".to_owned(),
                    mode.to_owned(),
                    folder.join("chain.pem").display().to_string(),
                    folder.join("key.pem").display().to_string(),
                    format!("http://{}", self.service.address),
                ])
                .start()?;
            let said = running.output();
            let word = |name: &str| {
                let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
                line.map(|rest| rest.trim().to_owned()).ok_or(format!("no {name} in {said}"))
            };
            let (address, https, ticket) =
                (word("serving ")?.parse()?, word("https ")?.parse()?, word("ticket ")?);
            Ok((Served { running, address }, https, ticket))
        };
        let (plain, https, ticket) = start("answers")?;
        let (proxy, _, _) = start("passes")?;
        Ok(Ours { plain, proxy, https, ticket })
    }
}

fn nginx_file(at: &str, name: &str, servers: &str) -> String {
    // In one process, so that its processor time is all there is.
    format!(
        "daemon off; master_process off; worker_processes 1; pid {at}/{name}.pid; error_log {at}/{name}.log;
         worker_rlimit_nofile 65536;
         events {{ worker_connections 32768; }}
         http {{
           access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on; tcp_nopush on;
           server_tokens off;
           client_body_temp_path {at}/{name}-b; proxy_temp_path {at}/{name}-p; fastcgi_temp_path {at}/{name}-f;
           uwsgi_temp_path {at}/{name}-u; scgi_temp_path {at}/{name}-s;
           {servers}
         }}"
    )
}

fn nginx(config: &std::path::Path, address: SocketAddr) -> Outcome<Served> {
    answering(&format!("nginx -c {}", config.display()), address)
}

/// Starts something that prints nothing when it is ready. The shell says so and becomes it.
fn answering(command: &str, address: SocketAddr) -> Outcome<Served> {
    let script = format!("PATH=$PATH:/usr/sbin; echo starting; exec {command}");
    let mut running = Program::new("/bin/sh", "starting").args(["-c", &script]).start()?;
    let begun = Instant::now();
    // A port where nobody listens may connect to itself: both ends must differ.
    let answers =
        || TcpStream::connect(address).is_ok_and(|stream| stream.local_addr().is_ok_and(|at| at != address));
    while !answers() {
        if running.ended()?.is_some() || begun.elapsed() > Duration::from_secs(20) {
            return Err(format!("{address} does not answer: {}", running.output()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Served { running, address })
}
