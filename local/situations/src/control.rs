//! The stack's control API, from outside.

use std::fmt;

use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Error, Target};

/// Seconds to wait for what must happen; only a machine that is very busy comes near it.
const PATIENCE: u32 = 30;

pub(crate) struct Control {
    client: reqwest::Client,
    url: String,
}

/// A push as APNs received it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Push {
    topic: String,
    status: u16,
    reason: Option<String>,
    lost: bool,
    /// The phone has another token by now.
    #[serde(skip)]
    pub to_old_token: bool,
}

impl Push {
    /// Whether the phone hears of it.
    pub fn arrives(&self) -> bool {
        self.status == 200 && !self.lost && !self.to_old_token
    }
}

impl fmt::Display for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}   {}", self.topic, self.status)?;
        if let Some(reason) = &self.reason {
            write!(f, " {reason}")?;
        }
        match (self.lost, self.to_old_token) {
            (true, _) => f.write_str("   lost on the way"),
            (false, true) => f.write_str("   to a token that the phone no longer has"),
            (false, false) => Ok(()),
        }
    }
}

/// What a fault between functions and DynamoDB has done.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Acted {
    pub acted: u32,
    pub last: Option<String>,
    pub spent: bool,
}

/// How APNs treats every push.
#[derive(Deserialize)]
pub(crate) struct Weather {
    pub to_all: Option<Value>,
    pub paused: bool,
    pub expired_before: u64,
}

#[derive(Deserialize)]
pub(crate) struct Clock {
    pub now_ms: u64,
    pub ahead_ms: i64,
}

#[derive(Deserialize)]
struct Position {
    position: Option<String>,
}

impl Control {
    pub async fn reach(target: &Target) -> Result<Self, Error> {
        let control = Self {
            client: reqwest::Client::new(),
            url: target.endpoints.control_url.clone(),
        };
        let asked = control.client.get(format!("{}/clock", control.url)).send().await;
        asked.map_err(|_| Error::NotRunning {
            dir: target.dir.clone(),
            url: control.url.clone(),
        })?;
        Ok(control)
    }

    pub async fn pushes(&self, token: &str) -> Result<Vec<Push>, Error> {
        read(self.get(&format!("/pushes?device_token={token}")).await?).await
    }

    /// `token` may be `*`; `answer` is in the simulator's form.
    pub async fn answer(&self, token: &str, mut answer: Value) -> Result<(), Error> {
        answer["device_token"] = token.into();
        self.post("/apns", answer).await.map(drop)
    }

    pub async fn apns(&self) -> Result<Weather, Error> {
        read(self.get("/apns").await?).await
    }

    pub async fn pause_apns(&self) -> Result<(), Error> {
        self.post("/apns/pause", Value::Null).await.map(drop)
    }

    pub async fn resume_apns(&self) -> Result<(), Error> {
        self.post("/apns/resume", Value::Null).await.map(drop)
    }

    /// Waits until a push is left unanswered.
    pub async fn push_is_held(&self) -> Result<(), Error> {
        let path = format!("/apns/held?count=1&wait={PATIENCE}");
        self.get(&path).await.map(drop)
    }

    pub async fn expire_provider_tokens(&self, before: u64) -> Result<(), Error> {
        let expiry = json!({ "expired_before": before });
        self.post("/apns/provider-tokens", expiry).await.map(drop)
    }

    pub async fn clock(&self) -> Result<Clock, Error> {
        read(self.get("/clock").await?).await
    }

    pub async fn turn_clock(&self, by_ms: i64) -> Result<Clock, Error> {
        read(self.post("/clock", json!({ "turn_ms": by_ms })).await?).await
    }

    pub async fn run_schedule(&self) -> Result<(), Error> {
        self.post("/schedule", Value::Null).await.map(drop)
    }

    pub async fn published(&self) -> Result<(), Error> {
        self.get(&format!("/published?wait={PATIENCE}")).await.map(drop)
    }

    pub async fn worked_off(&self) -> Result<(), Error> {
        self.get(&format!("/worked-off?wait={PATIENCE}")).await.map(drop)
    }

    pub async fn position(&self) -> Result<Option<String>, Error> {
        let found: Position = read(self.get("/stream").await?).await?;
        Ok(found.position)
    }

    pub async fn redeliver(&self, after: &Option<String>, reversed: bool) -> Result<(), Error> {
        let order = json!({"after": after, "reversed": reversed});
        self.post("/stream", order).await.map(drop)
    }

    pub async fn fault(&self, order: Value) -> Result<(), Error> {
        self.post("/dynamodb", order).await.map(drop)
    }

    pub async fn acted(&self) -> Result<Vec<Acted>, Error> {
        read(self.get("/dynamodb").await?).await
    }

    pub async fn take_faults_back(&self) -> Result<(), Error> {
        self.send(Method::DELETE, "/dynamodb", Value::Null).await.map(drop)
    }

    async fn get(&self, path: &str) -> Result<Response, Error> {
        self.send(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Response, Error> {
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Result<Response, Error> {
        let call = format!("{method} {path}");
        let failed = |reason: String| Error::Control(format!("{call}: {}", reason.trim()));
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::GATEWAY_TIMEOUT {
            return Err(Error::NotHealed(format!(
                "{call}: what it waits for did not happen; the log of `livepass dev` says what fails again and again"
            )));
        }
        let reason = response.text().await.unwrap_or_default();
        Err(failed(format!("{status} {reason}")))
    }
}

async fn read<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, Error> {
    response.json().await.map_err(|error| Error::Control(error.to_string()))
}
