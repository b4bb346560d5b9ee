//! The client itself: which connection a push takes, and whether it is tried once more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use passes::ids::PassTypeIdentifier;
use passes::push::{PushOutcome, SendPush, UndeliveredCause};
use passes::tokens::PushToken;
use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::Semaphore;

use crate::answer::Meaning;
use crate::connection::{Attempt, Connection, ConnectionSettings};
use crate::refusals::Refusals;
use crate::token::ProviderToken;
use crate::{ApnsConfig, ApnsError, ProviderKey, tls};

/// The APNs client. One per process: it holds the one connection, and a clone shares it.
///
/// Lives as long as the process; a push needs a tokio runtime. Costs some 12 KB per push in
/// flight. A push that is dropped midway is cancelled and harms no other.
#[derive(Clone)]
pub struct Apns {
    shared: Arc<Shared>,
}

struct Shared {
    /// Without a slash at the end.
    url: String,
    settings: ConnectionSettings,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    window: Semaphore,
    refusals: Arc<Refusals>,
    current: Mutex<Current>,
}

/// What the next push uses.
struct Current {
    key: ProviderKey,
    /// Taken away when the key is replaced.
    token: Option<Arc<ProviderToken>>,
    connection: Arc<Connection>,
}

impl Apns {
    /// Checks the configuration, signs the first provider token and sets up TLS. Connects with
    /// the first push.
    ///
    /// `clock` is the wall clock: it dates provider tokens, and tells after a freeze how long the
    /// connection has been left alone.
    pub fn new(
        config: ApnsConfig,
        key: ProviderKey,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Result<Self, ApnsError> {
        if !(1..=ApnsConfig::MAX_WINDOW).contains(&config.window) {
            return Err(ApnsError::Window { window: config.window });
        }
        let url = base_url(config.url)?;
        let settings = ConnectionSettings {
            tls: tls::configuration(config.root_certificate_pem.as_deref())?,
            timeout: config.timeout,
        };
        let token = Arc::new(ProviderToken::of_window(&key, seconds(clock()))?);
        let refusals = Arc::default();
        let connection = Arc::new(Connection::new(&settings, token.clone(), &refusals)?);
        Ok(Self {
            shared: Arc::new(Shared {
                url,
                settings,
                clock: Box::new(clock),
                window: Semaphore::new(config.window),
                refusals,
                current: Mutex::new(Current {
                    key,
                    token: Some(token),
                    connection,
                }),
            }),
        })
    }

    /// Signs with another key from the next push on, by a new connection. Pushes under way end
    /// as they began.
    pub fn replace_key(&self, key: ProviderKey) {
        let mut current = self.shared.lock();
        current.key = key;
        current.token = None;
    }
}

impl SendPush for Apns {
    async fn send_push(&self, to: &PushToken, topic: &PassTypeIdentifier) -> PushOutcome {
        let begun = self.shared.refusals.count();
        let _place = self.shared.window.acquire().await.expect("the window is never closed");
        self.shared.send(to, topic, begun).await
    }
}

impl Shared {
    /// `begun` is how many refusals of everything there had been when the push began.
    async fn send(&self, to: &PushToken, topic: &PassTypeIdentifier, begun: u64) -> PushOutcome {
        let url = format!("{}/3/device/{}", self.url, to.expose());
        let topic = HeaderValue::try_from(topic.as_str()).expect("a pass type is letters, digits, '.', '_' and '-'");

        let mut may_retry = true;
        let mut may_renew_token = true;
        loop {
            let connection = match self.connection() {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::error!(%error, "no connection to APNs could be set up");
                    return unreachable_for_now();
                }
            };
            connection.touch(self.now());
            let meaning = match connection.push(&url, &topic, &self.clock, begun).await {
                Attempt::Answered(answer) => {
                    connection.touch(self.now());
                    answer.meaning()
                }
                Attempt::Failed => Meaning::ConnectionOver,
                Attempt::Superseded => continue,
            };
            match meaning {
                Meaning::Final(outcome) => return outcome,
                Meaning::ConnectionOver => {
                    connection.give_up(&"IdleTimeout");
                    if !std::mem::take(&mut may_retry) {
                        return unreachable_for_now();
                    }
                }
                Meaning::ServerFault { try_again, otherwise } => {
                    if !try_again || !std::mem::take(&mut may_retry) {
                        return otherwise;
                    }
                }
                Meaning::TokenExpired { otherwise } => {
                    if !std::mem::take(&mut may_renew_token) || !self.renew_token(&connection) {
                        return otherwise;
                    }
                }
            }
        }
    }

    /// The connection for the next push, a new one where the last is over, idle or carries a
    /// token that is due.
    ///
    /// Made under the lock, in some 30 us: a burst is to find one connection, not make many.
    fn connection(&self) -> Result<Arc<Connection>, ApnsError> {
        let now = self.now();
        let mut current = self.lock();
        match current.token.clone().filter(|token| token.serves(now)) {
            Some(_) if current.connection.is_usable(now) => {}
            Some(token) => self.connect_with(&mut current, token)?,
            None => {
                let token = ProviderToken::of_window(&current.key, now)?;
                self.connect_with(&mut current, Arc::new(token))?;
            }
        }
        Ok(current.connection.clone())
    }

    /// After APNs called the token of `used` expired: makes a new one, on a new connection.
    /// False if it is too young to be changed, and the fault must be the clock's.
    fn renew_token(&self, used: &Connection) -> bool {
        let now = self.now();
        let mut current = self.lock();
        match &current.token {
            Some(token) if Arc::ptr_eq(token, used.token()) => {
                if !token.may_be_replaced(now) {
                    return false;
                }
            }
            // Another push has seen to it, or the key was replaced.
            _ => return true,
        }
        ProviderToken::as_of_now(&current.key, now)
            .and_then(|token| self.connect_with(&mut current, Arc::new(token)))
            .inspect_err(|error| tracing::error!(%error, "no new provider token"))
            .is_ok()
    }

    fn connect_with(&self, current: &mut Current, token: Arc<ProviderToken>) -> Result<(), ApnsError> {
        let connection = Connection::new(&self.settings, token.clone(), &self.refusals)?;
        current.connection.supersede();
        current.connection = Arc::new(connection);
        current.token = Some(token);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since the epoch.
    fn now(&self) -> u64 {
        seconds((self.clock)())
    }
}

fn unreachable_for_now() -> PushOutcome {
    PushOutcome::Undelivered {
        retry_after: None,
        cause: UndeliveredCause::Network,
    }
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn base_url(url: String) -> Result<String, ApnsError> {
    let is_base = |url: &Url| {
        url.scheme() == "https"
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    match Url::parse(&url) {
        Ok(parsed) if is_base(&parsed) => Ok(url.trim_end_matches('/').to_owned()),
        _ => Err(ApnsError::Url { url }),
    }
}
