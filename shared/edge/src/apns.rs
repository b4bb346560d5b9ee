//! The APNs client with a key that may be rotated without a deploy.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use apns::{Apns, ProviderKey};
use aws::secrets::{ReadSecret, SecretStore, Secrets};
use passes::ids::PassTypeIdentifier;
use passes::push::{PushOutcome, Refusal, RefusalKind, SendPush, UndeliveredCause};
use passes::time::{Clock as _, Timestamp};
use passes::tokens::PushToken;
use pkpass::{IdentityError, SigningCertificate};

use crate::clock::WallClock;
use crate::http::chain;
use crate::report;

/// How long a key is used without looking again.
const LIFETIME_MS: u64 = 15 * 60 * 1000;

/// Looks after a refusal, or after a look that failed, are this far apart: one bad key refuses a
/// whole batch of pushes at once.
const PAUSE_MS: u64 = 60 * 1000;

/// After `TooManyProviderTokenUpdates` the token stays, and nothing is sent for minutes. Apple names no
/// figure.
const TOKENS_PAUSE_MS: u64 = 5 * 60 * 1000;

/// APNs's reasons with 403 that another key can mend. Source: Apple, "Handling notification
/// responses from APNs"; the last is for an answer without a reason.
const KEY_REFUSED: [&str; 7] = [
    "BadEnvironmentKeyIdInToken",
    "ExpiredProviderToken",
    "Forbidden",
    "InvalidProviderToken",
    "MissingProviderToken",
    "UnrelatedKeyIdInToken",
    "HTTP 403",
];

/// Sends pushes, and looks for another APNs key at most 15 minutes after the last look, and when
/// APNs refuses the present one; what it refused is then sent once more.
///
/// A key that cannot be read, or is no key, leaves the present one in use, with a warning: APNs
/// says itself when that is no longer good.
pub struct RotatingApns<R = SecretStore> {
    apns: Apns,
    secrets: Secrets<R>,
    clock: WallClock,
    current: Mutex<Current>,
    /// One look at a time: the others find what it has found.
    looking: tokio::sync::Mutex<()>,
}

struct Current {
    team_id: String,
    /// `apns.json` as it was read. Never shown: this type has no `Debug`.
    secret: Vec<u8>,
    next_look_at: Timestamp,
    last_look_at: Timestamp,
    /// Counts keys: a push that was refused under an earlier one need not look.
    generation: u64,
    /// APNs has asked for patience with new provider tokens, from when until when.
    pause: Option<(Timestamp, Timestamp)>,
}

impl<R: ReadSecret> RotatingApns<R> {
    /// Reads `apns.json` a first time and lets `connect` make the client with it.
    ///
    /// The error is a sentence for the operator.
    pub async fn start(
        secrets: Secrets<R>,
        clock: WallClock,
        connect: impl FnOnce(ProviderKey) -> Result<Apns, String>,
    ) -> Result<Self, String> {
        let now = clock.now();
        let secret = secrets
            .apns_key()
            .await
            .map_err(|error| chain(&error))?
            .ok_or("secret `apns.json` is missing; store the APNs key there")?;
        let key = parse(&secret)?;
        let team_id = key.team_id().to_owned();
        let apns = connect(key)?;
        Ok(Self {
            apns,
            secrets,
            clock,
            current: Mutex::new(Current {
                team_id,
                secret,
                next_look_at: after(now, LIFETIME_MS),
                last_look_at: now,
                generation: 0,
                pause: None,
            }),
            looking: tokio::sync::Mutex::default(),
        })
    }

    /// The team of the key that is in use, after a look where one is due.
    pub async fn team_id(&self) -> String {
        self.generation().await;
        self.lock().team_id.clone()
    }

    /// Whether APNs would take pushes for the certificate's passes from the key that is in use: it takes
    /// them from the key of the certificate's team alone, and would refuse all others one by one.
    ///
    /// The error is [`IdentityError::OtherPushTeam`], a sentence for the operator.
    pub async fn check_team_of(&self, certificate: &SigningCertificate) -> Result<(), IdentityError> {
        certificate.check_push_team(&self.team_id().await)
    }

    /// The key's generation, after a look where one is due.
    async fn generation(&self) -> u64 {
        let is_due = |current: &Current, now| current.next_look_at <= now;
        self.look(is_due).await
    }

    /// After APNs refused the key of `refused`: whether there is another by now.
    async fn has_another(&self, refused: u64) -> bool {
        let is_due =
            |current: &Current, now| current.generation == refused && after(current.last_look_at, PAUSE_MS) <= now;
        self.look(is_due).await != refused
    }

    async fn look(&self, is_due: impl Fn(&Current, Timestamp) -> bool) -> u64 {
        let settled = || {
            let current = self.lock();
            (!is_due(&current, self.clock.now())).then_some(current.generation)
        };
        if let Some(generation) = settled() {
            return generation;
        }
        let _looking = self.looking.lock().await;
        if let Some(generation) = settled() {
            return generation;
        }
        let found = match self.secrets.apns_key().await {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) => Err("secret `apns.json` is missing".to_owned()),
            Err(error) => Err(chain(&error)),
        };
        let now = self.clock.now();
        let mut current = self.lock();
        current.last_look_at = now;
        let replaced = found.and_then(|secret| {
            if secret == current.secret {
                return Ok(());
            }
            let key = parse(&secret)?;
            tracing::info!(
                key_id = key.key_id(),
                team_id = key.team_id(),
                "another APNs key is in use"
            );
            current.team_id = key.team_id().to_owned();
            self.apns.replace_key(key);
            current.secret = secret;
            current.generation += 1;
            Ok(())
        });
        let pause = match replaced {
            Ok(()) => LIFETIME_MS,
            Err(reason) => {
                tracing::warn!(reason, "the APNs key cannot be renewed; the present one stays in use");
                PAUSE_MS
            }
        };
        current.next_look_at = after(now, pause);
        current.generation
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: ReadSecret> RotatingApns<R> {
    async fn send(&self, to: &PushToken, topic: &PassTypeIdentifier) -> PushOutcome {
        let generation = self.generation().await;
        let outcome = self.apns.send_push(to, topic).await;
        if refuses_key(&outcome) && self.has_another(generation).await {
            return self.apns.send_push(to, topic).await;
        }
        outcome
    }

    /// What is left of a pause that APNs has asked for.
    fn pause(&self) -> Option<Duration> {
        let now = self.clock.now();
        // A clock that was set back ends it: nobody waits for an hour that has passed already.
        let (_, until) = self
            .lock()
            .pause
            .filter(|(since, until)| (since..until).contains(&&now))?;
        Some(Duration::from_millis(until.millis() - now.millis()))
    }

    fn pause_for(&self, asked: Option<Duration>) {
        let millis = asked.map_or(TOKENS_PAUSE_MS, |asked| {
            asked.as_millis().try_into().unwrap_or(u64::MAX)
        });
        let now = self.clock.now();
        self.lock().pause = Some((now, after(now, millis)));
    }
}

impl<R: ReadSecret> SendPush for RotatingApns<R> {
    async fn send_push(&self, to: &PushToken, topic: &PassTypeIdentifier) -> PushOutcome {
        let outcome = match self.pause() {
            Some(left) => PushOutcome::Undelivered {
                retry_after: Some(left),
                cause: UndeliveredCause::TooManyProviderTokenUpdates,
            },
            None => self.send(to, topic).await,
        };
        if let PushOutcome::Undelivered {
            retry_after,
            cause: UndeliveredCause::TooManyProviderTokenUpdates,
        } = outcome
            && self.pause().is_none()
        {
            self.pause_for(retry_after);
        }
        report::pushed(&outcome, topic);
        outcome
    }
}

fn refuses_key(outcome: &PushOutcome) -> bool {
    matches!(
        outcome,
        PushOutcome::Refused(Refusal { reason, kind: RefusalKind::Everything }) if KEY_REFUSED.contains(&reason.as_str())
    )
}

fn parse(secret: &[u8]) -> Result<ProviderKey, String> {
    ProviderKey::from_json(secret).map_err(|error| format!("secret `apns.json`: {}", chain(&error)))
}

fn after(time: Timestamp, millis: u64) -> Timestamp {
    Timestamp::from_millis(time.millis().saturating_add(millis))
}
