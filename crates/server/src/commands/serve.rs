//! `consign serve`: pages and worker, until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use clap::Args;
use consign_oms::{Actor, Ctx, users};
use consign_web::{App, Events, poll_changes, router};
use tokio::sync::watch;

use super::Done;
use crate::config::Config;
use crate::site;
use crate::work::{self, Site};

/// Where to listen, and what to do there.
#[derive(Args)]
pub struct Serve {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Serve pages only; another node talks to the channels
    #[arg(long)]
    no_worker: bool,
}

impl Serve {
    pub fn run(self, mut config: Config) -> Done {
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        log(&config);
        let site = site::open(&config)?;
        let runtime = runtime()?;
        runtime.block_on(async {
            let server = start(&config, site, !self.no_worker).await?;
            println!("Consign listens on {}", server.url);
            tokio::task::block_in_place(|| invite(&server))?;
            stopped().await;
            server.stop().await;
            Ok(())
        })
    }
}

/// The runtime of the server: few threads, because the work is done by the database.
pub fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}

/// Begins to log as configured.
pub fn log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if config.log_json { log.json().init() } else { log.init() }
}

/// A server that runs.
pub struct Server {
    /// What it shares.
    pub site: Site,
    /// Its address for a browser.
    pub url: String,
    handle: Handle<SocketAddr>,
    stop: watch::Sender<bool>,
    worker: Option<tokio::task::JoinHandle<()>>,
}

/// Starts pages and worker.
pub async fn start(config: &Config, site: Site, with_worker: bool) -> Result<Server, String> {
    let metrics = site.metrics.clone();
    let (webhooks, transfer) = (site.webhooks.clone(), site.transfer.clone());
    let secure = config.tls.is_some() || config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let listener = std::net::TcpListener::bind(config.listen)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|error| format!("can't listen on {}: {error}", config.listen))?;
    // The port may have been left to the system.
    let reached = listener.local_addr().map_or_else(|_| config.clone(), |listen| Config { listen, ..config.clone() });
    let app = App {
        db: site.db.clone(),
        clock: site.clock.clone(),
        keys: site.keys.clone(),
        kinds: site.kinds.clone(),
        secure_cookies: secure,
        trusted_proxies: Arc::new(config.trusted_proxies.clone()),
        events: Events::default(),
        metrics: Arc::new(move || metrics.text()),
        may_call: Arc::new(move |url| webhooks.check(url)),
        mail_from: config.mail.as_ref().map(|_| reached.base_url()),
        may_transfer: Arc::new(move |place| transfer.check(place)),
        public_url: site.public_url.clone(),
    };
    tokio::spawn(poll_changes(app.clone()));
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let handle = Handle::new();
    match &config.tls {
        None => {
            let server = axum_server::from_tcp(listener).map_err(|error| error.to_string())?.handle(handle.clone());
            tokio::spawn(server.serve(service));
        }
        Some(files) => {
            let tls = RustlsConfig::from_pem_file(&files.certificate, &files.key)
                .await
                .map_err(|error| format!("the certificate {} can't be used: {error}", files.certificate.display()))?;
            let server = axum_server::from_tcp_rustls(listener, tls).map_err(|error| error.to_string())?;
            tokio::spawn(server.handle(handle.clone()).serve(service));
        }
    }
    let (stop, stopping) = watch::channel(false);
    let worker = with_worker.then(|| tokio::spawn(work::run(site.clone(), node_name(address), stopping)));
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let url = config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
    Ok(Server { site, url, handle, stop, worker })
}

impl Server {
    /// Lets requests and jobs under way finish, and stops.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        self.handle.graceful_shutdown(Some(Duration::from_secs(5)));
        if let Some(worker) = self.worker {
            let _ = worker.await;
        }
    }
}

/// This node's name for its leases: the machine and the port, so that it is the same after a restart and no two nodes share it.
fn node_name(address: SocketAddr) -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), address.port())
}

/// At the first start: the code that makes the first owner. It lives for a day; a restart prints a new one.
fn invite(server: &Server) -> Done {
    let site = &server.site;
    let ctx = Ctx::new(&*site.clock, Actor::System);
    let code = site
        .db
        .write(|tx| {
            if users::any(tx)? {
                return Ok(None);
            }
            users::issue_token(tx, None, ctx.now().plus_seconds(86_400)).map(Some)
        })
        .map_err(|error: consign_oms::Error| error.to_string())?;
    if let Some(code) = code {
        println!("Nobody can sign in yet. Open {}/set-up with this set-up code:\n\n    {code}\n", server.url);
    }
    Ok(())
}

/// Until the process is told to stop.
pub async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
}
