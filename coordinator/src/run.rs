//! The coordinator as a service: put together, run, drained.

use std::{sync::Arc, time::Duration};

use offhook::{
    secret::Secret,
    store::{
        claim::Claimant,
        connect, coordinators,
        error::StoreError,
        leases::{self, AttemptId},
        worker_login::{self, WorkerLoginError},
    },
};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{Config, ConfigError, database::ConnectError, launcher::LauncherKind, queue::QueueConfig},
    in_flight::InFlight,
    launcher::{LaunchError, Launcher, docker::DockerLauncher, process::ProcessLauncher},
    learned::LearnedServers,
    maintenance::{self, Maintenance, MaintenanceConfig},
    provider_health::{self, HealthConfig, ProviderHealth},
    queue::{
        self, Source, SourceConfig,
        listener::{self, Listener},
        wake::Wake,
    },
    retention::{self, Retention, RetentionConfig},
    specification::Specifier,
    spool::{Spool, SpoolError},
    supervisor::{self, AttemptSupervisor, AttendantConfig},
    test_signals::Signals,
};

/// How long the last words may take after everything has ended or is left.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why the coordinator does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] offhook_schema::MigrationFailed),
    /// Workers could do nothing.
    #[error("no worker could tell how its call went: {0}")]
    WorkerLogin(#[from] WorkerLoginError),
    /// An older schema.
    #[error("the database lacks the migrations {0}; run `offhook migrate`, or `offhook run --migrate`")]
    Unmigrated(String),
    /// No engine.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// No spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The port range holds no call.
    #[error("OFFHOOK_PORT_FIRST to OFFHOOK_PORT_LAST has no room for the four ports of one call; widen it")]
    NoPorts,
    /// apalis.
    #[error("the queue failed: {0}")]
    Queue(String),
}

/// Two steps out: `drain` ends claiming and lets calls end, `leave` leaves what still runs to the next coordinator.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No more claims.
    pub drain: CancellationToken,
    /// No more waiting.
    pub leave: CancellationToken,
}

/// A coordinator, put together.
#[derive(Debug)]
pub struct Service {
    /// The database.
    pub pool: PgPool,
    /// Where LISTEN works.
    pub listen_url: Secret,
    /// In whose name calls are claimed.
    pub claimant: Claimant,
    /// The engine.
    pub launcher: Arc<dyn Launcher>,
    /// The attempts' folders.
    pub spool: Spool,
    /// Writes the specifications of workers.
    pub specifier: Specifier,
    /// The pace.
    pub queue: QueueConfig,
    /// How long a statement may take before it is given up or tried again.
    pub statement: Duration,
    /// After this a worker is stopped.
    pub whole_attempt: Duration,
    /// How many workers are started at once.
    pub starts: usize,
    /// Signals of what its services have done.
    pub signals: Signals,
}

impl Service {
    /// Puts a coordinator together; with `migrate`, the schema is brought up to date first.
    ///
    /// # Errors
    /// [`RunError`]: what is missing, and what to do.
    pub async fn new(config: &Config, migrate: bool) -> Result<Self, RunError> {
        if config.media.calls() == 0 {
            return Err(RunError::NoPorts);
        }
        config.providers.specification()?;
        if let Some(said) = config.providers.without_voice() {
            tracing::warn!("{said}");
        }
        let (worker_url, own) = config.database.worker_url()?;
        if !own {
            tracing::warn!(
                "workers get the coordinator's own database URL; set OFFHOOK_WORKER_DATABASE_URL to a role with fewer rights"
            );
        }
        let pool = config.database.connect().await?;
        if migrate {
            offhook_schema::migrate(&pool).await?;
        }
        let pending = offhook_schema::pending(&pool).await.map_err(StoreError::from)?;
        if !pending.is_empty() {
            return Err(RunError::Unmigrated(pending.join(", ")));
        }
        match worker_login::examine(&pool, &worker_url, config.database.worker_url_setting()).await {
            Ok(_) => {}
            // It may be reached in a moment; what is refused stays refused.
            Err(WorkerLoginError::Store(error)) if !matches!(error, StoreError::NotConnected { refused: true, .. }) => {
                tracing::error!(%error, "workers may not reach the database: then every call ends before it is dialled");
            }
            Err(error) => return Err(error.into()),
        }
        let spool = Spool::new(&config.launcher.spool);
        spool.prepare()?;
        let launcher: Arc<dyn Launcher> = match config.launcher.launcher {
            LauncherKind::Docker => {
                Arc::new(DockerLauncher::connect(&config.launcher, &connect::installation(&pool).await?).await?)
            }
            LauncherKind::Process => Arc::new(ProcessLauncher::new(&config.launcher, spool.clone())),
        };
        Ok(Service {
            listen_url: config.database.listen_url()?,
            claimant: claimant(config),
            launcher,
            specifier: Specifier {
                database_url: worker_url,
                providers: config.providers.clone(),
                learned: LearnedServers::default(),
                limits: config.limits.limits(),
                secrets: config.launcher.secrets.clone(),
                media_address: config.media.media_address,
                public_address: config.media.public_address,
                stun: config.media.stun.clone(),
            },
            queue: config.queue.clone(),
            statement: config.queue.statement_timeout,
            signals: Signals::default(),
            whole_attempt: config.limits.whole_attempt(),
            starts: config.launcher.starts(),
            pool,
            spool,
        })
    }

    /// Runs until `shutdown.drain`, then until the calls under way have ended, or `queue.drain` is over, or `shutdown.leave`.
    ///
    /// # Errors
    /// [`RunError::Queue`] where the queue fails for good.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), RunError> {
        let wake = Arc::new(Wake::default());
        let running = InFlight::new(self.queue.max_calls as usize, wake.clone());
        // Told to the supervisors once it is known what they look after: their leases are given up, not left to run out.
        let leaving = CancellationToken::new();
        running.hold_back(self.queue.provider_probe);
        let source = Source::new(
            self.pool.clone(),
            self.claimant.clone(),
            SourceConfig { poll: self.queue.poll, statement: self.statement },
            running.clone(),
            wake.clone(),
            self.signals.clone(),
            shutdown.drain.clone(),
        );
        let supervisor = Arc::new(AttemptSupervisor {
            pool: self.pool.clone(),
            launcher: self.launcher.clone(),
            spool: self.spool.clone(),
            specifier: self.specifier.clone(),
            config: AttendantConfig {
                whole_attempt: self.whole_attempt,
                stop_grace: self.queue.stop_grace,
                statement: self.statement,
                first_pause: supervisor::FIRST_PAUSE,
                longest_pause: supervisor::LONGEST_PAUSE,
            },
            signals: self.signals.clone(),
            starts: Semaphore::new(self.starts.max(1)),
            running: running.clone(),
            leave: leaving.clone(),
            tasks: TaskTracker::new(),
        });
        let maintenance = Maintenance {
            pool: self.pool.clone(),
            claimant: self.claimant.clone(),
            running: running.clone(),
            source: source.clone(),
            launcher: self.launcher.clone(),
            spool: self.spool.clone(),
            config: MaintenanceConfig {
                look_around: maintenance::LOOK_AROUND,
                gap: maintenance::GAP,
                batch: maintenance::BATCH,
                abandoned_after: self.queue.abandoned_after,
                stop_grace: self.queue.stop_grace,
                statement: self.statement,
            },
            signals: self.signals.clone(),
        };
        let stop = CancellationToken::new();
        let services = TaskTracker::new();
        let listener = Listener {
            url: self.listen_url.clone(),
            wake,
            running: running.clone(),
            pause: listener::PAUSE,
            signals: self.signals.clone(),
        };
        services.spawn(listener.run(stop.clone()));
        services.spawn(maintenance.clone().renew(shutdown.drain.clone(), stop.clone()));
        services.spawn(maintenance.look_around(shutdown.drain.clone(), stop.clone()));
        let retention = Retention {
            pool: self.pool.clone(),
            host: self.claimant.host.clone(),
            spool: self.spool.clone(),
            config: RetentionConfig { every: self.queue.sweep, batch: retention::BATCH },
            signals: self.signals.clone(),
        };
        services.spawn(retention.run(stop.clone()));
        let health = ProviderHealth {
            pool: self.pool.clone(),
            providers: self.specifier.providers.clone(),
            servers: self.claimant.servers.clone(),
            learned: self.specifier.learned.clone(),
            limits: self.specifier.limits,
            running: running.clone(),
            config: HealthConfig { probe: self.queue.provider_probe, look: provider_health::LOOK, statement: self.statement },
            signals: self.signals.clone(),
        };
        services.spawn(health.run(shutdown.drain.child_token()));
        services.close();
        tracing::info!(coordinator = self.claimant.coordinator, host = self.claimant.host, "waiting for calls");

        let working = queue::work(source.clone(), supervisor.clone(), shutdown.drain.clone().cancelled_owned());
        let result = tokio::select! {
            result = working => result.map_err(|error| RunError::Queue(error.to_string())),
            () = out_of_patience(&shutdown, self.queue.drain) => Ok(()),
        };

        // What is still under way goes on without us: the worker writes its own result, and the next coordinator settles it.
        let left = running.attempts();
        leaving.cancel();
        supervisor.tasks.close();
        // Claims that nobody has begun are given back meanwhile.
        let last_words = async { tokio::join!(supervisor.tasks.wait(), source.close()) };
        let _ = tokio::time::timeout(FAREWELL, last_words).await;
        stop.cancel();
        let _ = tokio::time::timeout(FAREWELL, services.wait()).await;
        self.release(&left).await;
        // Where this fails, we are missed after a lease.
        let _ = tokio::time::timeout(FAREWELL, coordinators::gone(&self.pool, &self.claimant)).await;
        let _ = tokio::time::timeout(FAREWELL, self.pool.close()).await;
        result
    }

    async fn release(&self, left: &[AttemptId]) {
        if left.is_empty() {
            return;
        }
        tracing::warn!(calls = left.len(), "left to the next coordinator");
        if let Ok(Err(error)) = tokio::time::timeout(FAREWELL, leases::release(&self.pool, &self.claimant, left)).await {
            tracing::warn!(%error, "leases are not released; they will run out");
        }
    }
}

async fn out_of_patience(shutdown: &Shutdown, drain: Duration) {
    shutdown.drain.cancelled().await;
    tokio::select! {
        () = tokio::time::sleep(drain) => {}
        () = shutdown.leave.cancelled() => {}
    }
}

/// A name no other coordinator has: a restarted one is another one, and takes over what its predecessor left.
fn claimant(config: &Config) -> Claimant {
    let host = config.launcher.host_name();
    let unique = uuid::Uuid::new_v4().simple().to_string();
    Claimant {
        coordinator: format!("{host}/{}", &unique[..8]),
        host,
        namespace: config.launcher.namespace.clone(),
        lease: config.queue.lease,
        port_first: config.media.port_first,
        port_last: config.media.port_last,
        servers: config.providers.specification().map(|specification| specification.servers()).unwrap_or_default(),
    }
}
