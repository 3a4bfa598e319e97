//! One hardened container per attempt, over the Docker Engine's API.
//!
//! No auto-remove: the end of a container is evidence until it is settled. Host network: SIP and RTP use leased ports, none is
//! published. Secrets are in the mounted specification only, never in environment, labels or arguments.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use async_trait::async_trait;
use bollard::{
    Docker,
    errors::Error as EngineError,
    models::{
        ContainerCreateBody, ContainerSummaryStateEnum, HostConfig, HostConfigLogConfig, Mount, MountType, RestartPolicy,
        RestartPolicyNameEnum,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
        StopContainerOptionsBuilder,
    },
};
use futures::StreamExt;
use offhook::{
    attempt::{SPECIFICATION_FILE, container_name},
    store::leases::AttemptId,
};

use super::{Exit, Launch, LaunchError, Launched, Launcher, last_words::MOST_BYTES};
use crate::config::launcher::{ContainerUser, LauncherConfig};

/// Where the attempt's folder is inside the container.
const SPOOL: &str = "/spool";
/// The pause between two requests to an engine that is unreachable.
const ENGINE_PAUSE: Duration = Duration::from_millis(500);
/// How many lines of a worker's log are read, and how long that may take.
const LOG_LINES: &str = "50";
const LOG_PATIENCE: Duration = Duration::from_secs(3);

/// Containers.
#[derive(Debug)]
pub struct DockerLauncher {
    engine: Docker,
    address: String,
    image: String,
    program: Option<String>,
    environment: Vec<(&'static str, String)>,
    namespace: String,
    installation: String,
    user: ContainerUser,
    memory_bytes: i64,
    pids: i64,
    /// The spool as the engine sees it, where that is not as we see it.
    spool_on_host: Option<PathBuf>,
}

impl DockerLauncher {
    /// Connects to the engine and agrees on a version of its API.
    ///
    /// # Errors
    /// [`LaunchError::NoEngine`] where it does not answer.
    pub async fn connect(config: &LauncherConfig, installation: &str) -> Result<Self, LaunchError> {
        let address = config.docker_address();
        let away = |error: EngineError| LaunchError::NoEngine(address.clone(), error.to_string());
        let engine = Docker::connect_with_host(&address).map_err(away)?.negotiate_version().await.map_err(away)?;
        Ok(DockerLauncher {
            engine,
            address,
            image: config.image.clone(),
            program: config.program().map(str::to_owned),
            environment: config.worker_environment(),
            namespace: config.namespace.clone(),
            installation: installation.to_owned(),
            user: config.container_user,
            memory_bytes: i64::from(config.container_memory_mb) << 20,
            pids: config.container_pids.into(),
            spool_on_host: config.spool_on_host.clone().filter(|path| !path.as_os_str().is_empty()),
        })
    }

    fn name(&self, attempt: AttemptId) -> String {
        format!("{}-{}", self.namespace, container_name(attempt.call_id, attempt.attempt))
    }

    fn body(&self, launch: &Launch) -> ContainerCreateBody {
        let source = match &self.spool_on_host {
            Some(root) => root.join(launch.attempt.to_string()),
            None => launch.folder.clone(),
        };
        let labels = [
            ("offhook", self.namespace.clone()),
            ("offhook.installation", self.installation.clone()),
            ("offhook.call", launch.attempt.call_id.to_string()),
            ("offhook.attempt", launch.attempt.attempt.to_string()),
        ];
        ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: self.program.clone().map(|program| vec![program]),
            cmd: Some(vec![format!("{SPOOL}/{SPECIFICATION_FILE}")]),
            env: Some(self.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            user: Some(self.user.to_string()),
            labels: Some(labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            host_config: Some(HostConfig {
                network_mode: Some("host".into()),
                readonly_rootfs: Some(true),
                cap_drop: Some(vec!["ALL".into()]),
                security_opt: Some(vec!["no-new-privileges".into()]),
                memory: Some(self.memory_bytes),
                // As much again of swap as of memory would be none of a limit.
                memory_swap: Some(self.memory_bytes),
                pids_limit: Some(self.pids),
                tmpfs: Some(HashMap::from([("/tmp".into(), "rw,noexec,nosuid,nodev,size=16m".into())])),
                mounts: Some(vec![Mount {
                    typ: Some(MountType::BIND),
                    source: Some(source.to_string_lossy().into_owned()),
                    target: Some(SPOOL.into()),
                    read_only: Some(false),
                    ..Mount::default()
                }]),
                restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
                log_config: Some(HostConfigLogConfig { typ: Some("local".into()), config: None }),
                auto_remove: Some(false),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn error(&self, error: EngineError) -> LaunchError {
        match error {
            EngineError::DockerResponseServerError { message, .. } => LaunchError::Failed(message),
            other => LaunchError::NoEngine(self.address.clone(), other.to_string()),
        }
    }
}

#[async_trait]
impl Launcher for DockerLauncher {
    fn spool_of(&self, _launch: &Launch) -> PathBuf {
        PathBuf::from(SPOOL)
    }

    fn owner(&self) -> Option<ContainerUser> {
        Some(self.user)
    }

    async fn launch(&self, launch: &Launch) -> Result<(), LaunchError> {
        let name = self.name(launch.attempt);
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        match self.engine.create_container(Some(options), self.body(launch)).await {
            Ok(_) => {}
            Err(error) => {
                return Err(match status(&error) {
                    Some(409) => LaunchError::NameTaken(format!("a container {name}")),
                    Some(404) => LaunchError::NoImage(self.image.clone()),
                    _ => self.error(error),
                });
            }
        }
        self.engine.start_container(&name, None).await.map_err(|error| match self.error(error) {
            LaunchError::NoEngine(_, why) => LaunchError::Unsure(why),
            refused => refused,
        })
    }

    async fn list(&self) -> Result<Vec<Launched>, LaunchError> {
        let labels = vec![format!("offhook={}", self.namespace), format!("offhook.installation={}", self.installation)];
        let filters = HashMap::from([("label", labels)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let containers = self.engine.list_containers(Some(options)).await.map_err(|error| self.error(error))?;
        let known = containers.into_iter().filter_map(|container| {
            let labels = container.labels?;
            let attempt = AttemptId {
                call_id: labels.get("offhook.call")?.parse().ok()?,
                attempt: labels.get("offhook.attempt")?.parse().ok()?,
            };
            Some(Launched { attempt, running: container.state == Some(ContainerSummaryStateEnum::RUNNING) })
        });
        Ok(known.collect())
    }

    async fn wait(&self, attempt: AttemptId) -> Exit {
        let name = self.name(attempt);
        loop {
            let answer = self.engine.wait_container(&name, None).next().await;
            let code = match answer {
                Some(Ok(ended)) => ended.status_code,
                Some(Err(EngineError::DockerContainerWaitError { code, .. })) => code,
                Some(Err(error)) if status(&error) == Some(404) => return Exit::Gone,
                Some(Err(_)) | None => {
                    tokio::time::sleep(ENGINE_PAUSE).await;
                    continue;
                }
            };
            // An engine that is being stopped, or thinks that we are gone, answers -1 for a container that runs on.
            let state = match self.engine.inspect_container(&name, None).await {
                Ok(container) => container.state.unwrap_or_default(),
                Err(error) if status(&error) == Some(404) => return if code < 0 { Exit::Gone } else { ended(code, false) },
                Err(_) if code < 0 => {
                    tokio::time::sleep(ENGINE_PAUSE).await;
                    continue;
                }
                Err(_) => return ended(code, false),
            };
            if state.running != Some(true) {
                return ended(state.exit_code.unwrap_or(code), state.oom_killed.unwrap_or(false));
            }
            tokio::time::sleep(ENGINE_PAUSE).await;
        }
    }

    async fn stop(&self, attempt: AttemptId, grace: Duration) -> Result<(), LaunchError> {
        let seconds = i32::try_from(grace.as_secs().max(1)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        gone_is_fine(self.engine.stop_container(&self.name(attempt), Some(options)).await).map_err(|error| self.error(error))
    }

    async fn standard_error(&self, attempt: AttemptId) -> Vec<u8> {
        let options = LogsOptionsBuilder::default().stderr(true).tail(LOG_LINES).build();
        let mut written = Vec::new();
        let reading = async {
            let mut log = self.engine.logs(&self.name(attempt), Some(options));
            while let Some(Ok(piece)) = log.next().await {
                written.extend_from_slice(&piece.into_bytes());
                let surplus = written.len().saturating_sub(MOST_BYTES);
                written.drain(..surplus);
            }
        };
        let _ = tokio::time::timeout(LOG_PATIENCE, reading).await;
        written
    }

    async fn remove(&self, attempt: AttemptId) -> Result<(), LaunchError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        gone_is_fine(self.engine.remove_container(&self.name(attempt), Some(options)).await).map_err(|error| self.error(error))
    }

    async fn check(&self) -> Result<String, LaunchError> {
        let version = self.engine.version().await.map_err(|error| self.error(error))?;
        match self.engine.inspect_image(&self.image).await {
            Ok(_) => {}
            Err(error) if status(&error) == Some(404) => return Err(LaunchError::NoImage(self.image.clone())),
            Err(error) => return Err(self.error(error)),
        }
        let version = version.version.unwrap_or_default();
        Ok(format!("Docker Engine {version} at {}, image {} is here", self.address, self.image))
    }
}

fn ended(code: i64, out_of_memory: bool) -> Exit {
    Exit::Ended { code: Some(code), out_of_memory }
}

fn status(error: &EngineError) -> Option<u16> {
    match error {
        EngineError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// 404: no such container. 304: it had stopped already. 409: it is being removed right now.
fn gone_is_fine(answer: Result<(), EngineError>) -> Result<(), EngineError> {
    match answer {
        Err(error) if matches!(status(&error), Some(304 | 404 | 409)) => Ok(()),
        other => other,
    }
}
